import { randomBytes } from 'node:crypto';
import { SipHeaders, type SipRequest, type SipResponse } from './sip-message.js';
import { parseNameAddr } from './name-addr.js';

/** What we understand, for Allow. */
export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, NOTIFY, PRACK';

const PHRASES: Readonly<Record<number, string>> = {
  100: 'Trying',
  200: 'OK',
  400: 'Bad Request',
  403: 'Forbidden',
  405: 'Method Not Allowed',
  415: 'Unsupported Media Type',
  420: 'Bad Extension',
  422: 'Session Interval Too Small',
  481: 'Call/Transaction Does Not Exist',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  491: 'Request Pending',
  500: 'Server Internal Error',
  503: 'Service Unavailable',
  603: 'Decline',
};

export const newTag = (): string => randomBytes(8).toString('hex');

export interface ResponseParts {
  headers?: Record<string, string>;
  /** SDP. */
  sdp?: string | undefined;
}

/** A response to a request (RFC 3261 section 8.2.6). */
export function respondTo(request: SipRequest, status: number, { headers = {}, sdp }: ResponseParts = {}): SipResponse {
  const theirs = request.headers;
  const response: SipResponse = {
    kind: 'response',
    status,
    phrase: PHRASES[status] ?? 'Unknown',
    headers: new SipHeaders(),
    body: Buffer.from(sdp ?? ''),
  };
  for (const name of ['via', 'record-route', 'from', 'to', 'call-id', 'cseq'])
    response.headers.set(name, theirs.all(name));
  const to = theirs.get('to') ?? '';
  if (status > 100 && parseNameAddr(to)?.params.has('tag') === false)
    response.headers.set('to', `${to};tag=${newTag()}`);
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  if (sdp !== undefined) response.headers.set('content-type', 'application/sdp');
  return response;
}
