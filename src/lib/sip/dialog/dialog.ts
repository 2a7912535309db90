import { type Hop } from '../transport/locate.js';
import { parseNameAddr } from '../message/name-addr.js';
import { essentials, type SipRequest, type SipResponse } from '../message/sip-message.js';
import { type RequestDraft } from '../message/request-draft.js';
import { parseSipUri } from '../message/sip-uri.js';
import { type DialogState } from '../sip-types.js';

/** What varies from request to request of a dialog. */
export type DialogRequest = Pick<RequestDraft, 'headers' | 'sdp'>;

/** One dialog of a call we made (RFC 3261 section 12). Pure: it says what to send, and sends nothing. */
export class Dialog {
  private constructor(
    private readonly state: DialogState,
    /** The Contact of our INVITE. */
    readonly localContact: string,
  ) {}

  static ofState(state: DialogState): Dialog {
    return new Dialog(structuredClone(state), '');
  }

  /** The dialog that a response to our INVITE makes (RFC 3261 section 12.1.2); undefined when it is malformed. */
  static ofResponse(invite: SipRequest, response: SipResponse, hop: Hop): Dialog | undefined {
    const ours = essentials(invite);
    const theirs = essentials(response);
    if (!ours || !theirs) return undefined;
    const { transport, address, port, host } = hop;
    const state = {
      callId: ours.callId,
      localTag: ours.fromTag ?? '',
      remoteTag: theirs.toTag ?? '',
      localCseq: ours.cseq.number,
      remoteCseq: null,
      localParty: withoutTag(invite.headers.get('from') ?? ''),
      remoteParty: withoutTag(invite.headers.get('to') ?? ''),
      remoteTarget: contactOf(response) ?? invite.uri,
      routeSet: [...response.headers.all('record-route')].reverse(),
      target: { transport, address, port, host },
    };
    return new Dialog(state, invite.headers.get('contact') ?? '');
  }

  get remoteTag(): string {
    return this.state.remoteTag;
  }

  /** Where the INVITE was answered. */
  get hop(): Hop {
    return this.state.target;
  }

  /** The URI of the next hop. */
  get nextUri(): string {
    return parseNameAddr(this.state.routeSet[0] ?? '')?.uri ?? this.state.remoteTarget;
  }

  toJSON(): DialogState {
    return structuredClone(this.state);
  }

  /** A 2xx may know the way better than the provisional response before it (RFC 3261 section 13.2.2.4). */
  confirm(response: SipResponse): void {
    this.state.routeSet = [...response.headers.all('record-route')].reverse();
    this.retarget(response);
  }

  /** Takes the Contact of a request or response that may move the far end (RFC 3261 section 12.2). */
  retarget(message: SipRequest | SipResponse): void {
    this.state.remoteTarget = contactOf(message) ?? this.state.remoteTarget;
  }

  /** The next request. */
  next(method: string, request: DialogRequest = {}): RequestDraft {
    return this.draft(method, ++this.state.localCseq, request);
  }

  /** The ACK of a 2xx: the CSeq of its INVITE, and the same credentials. */
  ack(invite: SipRequest): RequestDraft {
    const credentials = ['authorization', 'proxy-authorization'].map(
      (name) => [name, invite.headers.all(name)] as const,
    );
    const headers = Object.fromEntries(credentials.filter(([, values]) => values.length > 0));
    return this.draft('ACK', essentials(invite)?.cseq.number ?? this.state.localCseq, { headers });
  }

  /** Whether a request of the far end comes in order (RFC 3261 section 12.2.2). */
  accepts(cseq: number): boolean {
    if (this.state.remoteCseq !== null && cseq <= this.state.remoteCseq) return false;
    this.state.remoteCseq = cseq;
    return true;
  }

  private draft(method: string, cseq: number, request: DialogRequest): RequestDraft {
    const { callId, localTag, remoteTag, localParty, remoteParty, remoteTarget, routeSet } = this.state;
    const [first = '', ...others] = routeSet;
    const top = parseNameAddr(first)?.uri;
    const isStrict = top !== undefined && parseSipUri(top)?.params.has('lr') === false;
    return {
      method,
      cseq,
      callId,
      // A strict router wants its own URI as Request-URI, and ours last (RFC 3261 section 12.2.1.1).
      uri: isStrict ? top : remoteTarget,
      routes: isStrict ? [...others, `<${remoteTarget}>`] : routeSet,
      from: `${localParty};tag=${localTag}`,
      to: remoteTag === '' ? remoteParty : `${remoteParty};tag=${remoteTag}`,
      ...request,
    };
  }
}

const withoutTag = (party: string): string => party.replace(/;\s*tag=[^;]*/i, '');

function contactOf({ headers }: SipRequest | SipResponse): string | undefined {
  const uri = parseNameAddr(headers.get('contact') ?? '')?.uri;
  return uri !== undefined && parseSipUri(uri) ? uri : undefined;
}
