import { formatNameAddr } from '../message/name-addr.js';
import { type RequestDraft } from '../message/request-draft.js';
import { ALLOW } from '../message/sip-response.js';
import { isSafeLine, isToken } from '../message/sip-text.js';
import { type CallRequest } from '../sip-types.js';
import { parseSipUri } from '../message/sip-uri.js';

export interface InviteParts {
  localTag: string;
  cseq: number;
  sessionSeconds: number;
  minSe: number;
}

/** Headers that are ours to write. */
const OURS = new Set(
  (
    'via from to call-id cseq contact route record-route max-forwards content-type content-length content-encoding ' +
    'allow supported require proxy-require session-expires min-se expires authorization proxy-authorization user-agent'
  ).split(' '),
);

/**
 * The first request of a call (RFC 3261 section 13.2.1), with an offer of session timers (RFC 4028 section 7.1). It
 * expires with our timeouts: a phone must not ring on when the process that would cancel it is gone.
 */
export function inviteDraft(
  request: CallRequest,
  { localTag, cseq, sessionSeconds, minSe }: InviteParts,
): RequestDraft {
  return {
    method: 'INVITE',
    uri: request.to,
    from: `${formatNameAddr(request.from.uri, request.from.displayName)};tag=${localTag}`,
    to: formatNameAddr(request.to),
    callId: request.callId,
    cseq,
    headers: {
      allow: ALLOW,
      supported: 'timer, 100rel',
      'session-expires': sessionSeconds,
      'min-se': minSe,
      expires: Math.max(1, Math.ceil(request.ringTimeoutMs / 1_000)),
      ...request.headers,
    },
    sdp: request.sdp,
  };
}

/** @throws TypeError when something of the request cannot stand in a SIP message, or takes the place of what we write */
export function checkCallRequest({ to, from, callId, headers = {}, credentials }: CallRequest): void {
  if (!parseSipUri(to) || !parseSipUri(from.uri)) throw new TypeError('Not a SIP URI');
  formatNameAddr(from.uri, from.displayName);
  if (!/^[^\s,;<>"]{1,256}$/.test(callId) || !isSafeLine(callId)) throw new TypeError('Not a Call-ID');
  if (credentials && !isSafeLine(credentials.username)) throw new TypeError('Not a user name');
  for (const [name, value] of Object.entries(headers))
    if (!isToken(name) || OURS.has(name.toLowerCase()) || !isSafeLine(value))
      throw new TypeError(`Not possible as a header of a call: ${name}`);
}
