import { type MediaSession, newSrtpKey, type SrtpSuite } from '../../lib/media/index.js';
import { answerOffer, buildOffer, negotiate, type SdpOptions } from '../../lib/sip/index.js';
import { type SipCarrier } from '../../carriers/index.js';

const SUITES: readonly SrtpSuite[] = ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'];

/** The offer/answer exchange of a call (RFC 3264); its results configure the media session. */
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

  /** The local offer; each one is a newer version. */
  offer(): string {
    const sdp = buildOffer(this.session.local, this.options);
    this.options.version++;
    return sdp;
  }

  /** Applies the far end's answer. @returns why it cannot be used, in words */
  accept(answer: string): string | undefined {
    const agreed = negotiate(answer, this.options);
    if (!agreed.ok) return agreed.problem;
    this.session.connect(agreed.media);
    return undefined;
  }

  /** Answers the far end's offer; null asks for an offer. @returns the SDP to send; null refuses */
  answer(offer: string | null): string | null {
    if (offer === null) return this.offer();
    const answer = answerOffer(offer, this.session.local, this.options);
    if (!answer.ok) return null;
    this.options.version++;
    this.session.connect(answer.media);
    return answer.sdp;
  }
}
