import { Dialog } from './dialog.js';
import { type Hop } from '../transport/locate.js';
import { parseNumber } from '../message/sip-text.js';
import { type SipRequest, type SipResponse } from '../message/sip-message.js';

interface Early {
  dialog: Dialog;
  /** The SDP of its latest provisional response. */
  sdp: string | undefined;
  rseq: number | undefined;
}

const MAX_FORKS = 16;

/** The dialogs of phones that ring, one for each fork (RFC 3261 section 12.1). Pure. */
export class EarlyDialogs {
  private readonly all = new Map<string, Early>();

  /** Takes a provisional response with a tag; undefined where it makes no dialog. */
  learn(invite: SipRequest, response: SipResponse, hop: Hop): Early | undefined {
    const made = Dialog.ofResponse(invite, response, hop);
    if (!made || made.remoteTag === '') return undefined;
    let early = this.all.get(made.remoteTag);
    if (!early) {
      if (this.all.size >= MAX_FORKS) return undefined;
      early = { dialog: made, sdp: undefined, rseq: undefined };
      this.all.set(made.remoteTag, early);
    }
    early.dialog.retarget(response);
    early.sdp = sdpOf(response) ?? early.sdp;
    return early;
  }

  byTag(tag: string): Early | undefined {
    return this.all.get(tag);
  }
}

/** The RSeq of a provisional response that wants a PRACK and is next in order (RFC 3262 section 4). */
export function reliableNumber(early: Early, { headers }: SipResponse): number | undefined {
  const rseq = parseNumber(headers.get('rseq'), 0xffffffff);
  if (rseq === undefined || !headers.lists('require', '100rel')) return undefined;
  if (early.rseq !== undefined && rseq !== early.rseq + 1) return undefined;
  early.rseq = rseq;
  return rseq;
}

/** The session description in a body; undefined where there is none. */
export function sdpOf({ headers, body }: SipRequest | SipResponse): string | undefined {
  const isSdp = /^application\/sdp\b/i.test(headers.get('content-type') ?? '');
  return body.length > 0 && isSdp ? body.toString() : undefined;
}
