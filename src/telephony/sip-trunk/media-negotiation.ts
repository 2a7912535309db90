import { type MediaSession, newSrtpKey, type SrtpSuite } from '../../lib/media/index.js';
import { answerOffer, buildOffer, negotiate, type SdpOptions } from '../../lib/sip/index.js';
import { type SipCarrier } from '../../carriers/index.js';

const SUITES: readonly SrtpSuite[] = ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'];

/** What we and the far end offer each other of media (RFC 3264), and its way into the media session. */
export class MediaNegotiation {
  private readonly options: SdpOptions;

  constructor(
    private readonly session: MediaSession,
    { codecs, srtp }: Pick<SipCarrier, 'codecs' | 'srtp'>,
  ) {
    this.options = {
      codecs,
      sessionId: String(Date.now()),
      version: 1,
      ...(srtp === 'required' ? { srtpKeys: SUITES.map(newSrtpKey) } : {}),
    };
  }

  /** Our offer; made again, a newer version of it. */
  offer(): string {
    const sdp = buildOffer(this.session.local, this.options);
    this.options.version++;
    return sdp;
  }

  /** The far end's answer to it. @returns what is wrong with it, in words */
  accept(answer: string): string | undefined {
    const agreed = negotiate(answer, this.options);
    if (!agreed.ok) return agreed.problem;
    this.session.connect(agreed.media);
    return undefined;
  }

  /** The far end's offer, or its wish for ours. @returns what to answer; null refuses */
  answer(offer: string | null): string | null {
    if (offer === null) return this.offer();
    const answer = answerOffer(offer, this.session.local, this.options);
    if (!answer.ok) return null;
    this.options.version++;
    this.session.connect(answer.media);
    return answer.sdp;
  }
}
