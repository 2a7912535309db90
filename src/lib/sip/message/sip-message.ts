import { type NameAddr, parseNameAddr } from './name-addr.js';
import { isSafeLine, isToken, parseNumber, splitOutside } from './sip-text.js';
import { parseVia, type Via } from './via.js';

/** What a message may be at most. More is malformed. */
export const LIMITS = { headBytes: 16_384, headers: 200, bodyBytes: 65_536 } as const;

const COMPACT: ReadonlyMap<string, string> = new Map([
  ['a', 'accept-contact'],
  ['b', 'referred-by'],
  ['c', 'content-type'],
  ['e', 'content-encoding'],
  ['f', 'from'],
  ['i', 'call-id'],
  ['k', 'supported'],
  ['l', 'content-length'],
  ['m', 'contact'],
  ['o', 'event'],
  ['r', 'refer-to'],
  ['s', 'subject'],
  ['t', 'to'],
  ['u', 'allow-events'],
  ['v', 'via'],
  ['x', 'session-expires'],
]);

/** Headers in which a comma separates values, unlike in credentials and challenges. */
const LISTS = new Set(
  'via route record-route contact supported require proxy-require unsupported allow accept reason warning'.split(' '),
);

/** Headers that may occur once only: a second one would make the message ambiguous. */
const SINGLE = ['from', 'to', 'call-id', 'cseq', 'content-length', 'max-forwards', 'content-type'];

const SPELLING: ReadonlyMap<string, string> = new Map([
  ['call-id', 'Call-ID'],
  ['cseq', 'CSeq'],
  ['www-authenticate', 'WWW-Authenticate'],
  ['min-se', 'Min-SE'],
  ['rack', 'RAck'],
  ['rseq', 'RSeq'],
]);

const spelling = (name: string): string =>
  SPELLING.get(name) ?? name.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());

/** Headers by name in lower case, compact forms written out, in the order they came. */
export class SipHeaders {
  private readonly values = new Map<string, string[]>();

  /** The first value. */
  get(name: string): string | undefined {
    return this.values.get(name)?.[0];
  }

  all(name: string): readonly string[] {
    return this.values.get(name) ?? [];
  }

  /**
   * Replaces all values.
   * @throws TypeError when the name or a value could break out of its line
   */
  set(name: string, value: string | number | readonly string[]): this {
    const values = (typeof value === 'object' ? value : [value]).map(String);
    if (!isToken(name) || !values.every(isSafeLine)) throw new TypeError(`Not possible as a SIP header: ${name}`);
    if (values.length > 0) this.values.set(name.toLowerCase(), values);
    else this.values.delete(name.toLowerCase());
    return this;
  }

  /** Adds what was read from the wire, where line breaks were taken out already. */
  read(name: string, value: string): void {
    const values = this.values.get(name);
    if (values) values.push(value);
    else this.values.set(name, [value]);
  }

  delete(name: string): void {
    this.values.delete(name);
  }

  /** Whether a list header such as Supported holds an option, in any case. */
  lists(name: string, option: string): boolean {
    return this.all(name).some((value) => value.toLowerCase() === option);
  }

  lines(): string {
    return [...this.values]
      .flatMap(([name, values]) => values.map((value) => `${spelling(name)}: ${value}\r\n`))
      .join('');
  }
}

export interface SipRequest {
  kind: 'request';
  /** In upper case. */
  method: string;
  uri: string;
  headers: SipHeaders;
  body: Buffer;
}

export interface SipResponse {
  kind: 'response';
  status: number;
  phrase: string;
  headers: SipHeaders;
  body: Buffer;
}

export type SipMessage = SipRequest | SipResponse;

export interface CSeq {
  number: number;
  method: string;
}

/** What transactions and dialogs go by. */
export interface Essentials {
  via: Via;
  branch: string;
  from: NameAddr;
  fromTag: string | undefined;
  to: NameAddr;
  toTag: string | undefined;
  callId: string;
  cseq: CSeq;
}

export const newRequest = (method: string, uri: string): SipRequest => {
  if (!isToken(method) || !/^[^\s<>"]+$/.test(uri) || !isSafeLine(uri))
    throw new TypeError('Not possible as a SIP URI');
  return { kind: 'request', method, uri, headers: new SipHeaders(), body: Buffer.alloc(0) };
};

/** Writes a message, with its Content-Length. */
export function serialise(message: SipMessage): Buffer {
  message.headers.set('content-length', message.body.length);
  const start =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0`
      : `SIP/2.0 ${message.status} ${message.phrase}`;
  return Buffer.concat([Buffer.from(`${start}\r\n${message.headers.lines()}\r\n`), message.body]);
}

/** Reads what every message must have (RFC 3261 section 8.1.1); undefined where some of it is missing or malformed. */
export function essentials({ headers }: SipMessage): Essentials | undefined {
  const via = parseVia(headers.get('via') ?? '');
  const from = parseNameAddr(headers.get('from') ?? '');
  const to = parseNameAddr(headers.get('to') ?? '');
  const callId = headers.get('call-id');
  const cseq = parseCSeq(headers.get('cseq') ?? '');
  if (!via || !from || !to || !cseq || callId === undefined || callId === '') return undefined;
  if (SINGLE.some((name) => headers.all(name).length > 1)) return undefined;
  const branch = via.params.get('branch') ?? '';
  return { via, branch, from, fromTag: from.params.get('tag'), to, toTag: to.params.get('tag'), callId, cseq };
}

function parseCSeq(text: string): CSeq | undefined {
  const [, digits, method] = /^(\d{1,10})\s+(\S+)$/.exec(text.trim()) ?? [];
  const number = parseNumber(digits);
  return number === undefined || method === undefined ? undefined : { number, method: method.toUpperCase() };
}

/** Reads everything up to the empty line, without it; undefined when it is no head of a SIP message. */
export function parseHead(head: string): SipMessage | undefined {
  if (head.length > LIMITS.headBytes) return undefined;
  const [start = '', ...lines] = head
    .replace(/^(\r?\n)+/, '')
    .replace(/\r?\n[ \t]+/g, ' ')
    .split(/\r?\n/);
  const message = parseStart(start);
  return message && readHeaders(lines, message.headers) ? message : undefined;
}

function parseStart(line: string): SipMessage | undefined {
  const rest = { headers: new SipHeaders(), body: Buffer.alloc(0) };
  const [, status, phrase] = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/i.exec(line) ?? [];
  if (status !== undefined) return { kind: 'response', status: Number(status), phrase: clean(phrase ?? ''), ...rest };
  const [, method, uri] = /^(\S+) (\S+) SIP\/2\.0$/i.exec(line) ?? [];
  if (method === undefined || uri === undefined || !isToken(method) || !isSafeLine(uri)) return undefined;
  return { kind: 'request', method: method.toUpperCase(), uri, ...rest };
}

function readHeaders(lines: readonly string[], headers: SipHeaders): boolean {
  let count = 0;
  for (const line of lines) {
    const colon = line.indexOf(':');
    const written = line.slice(0, Math.max(colon, 0)).trim().toLowerCase();
    if (!isToken(written)) return false;
    const name = COMPACT.get(written) ?? written;
    const value = clean(line.slice(colon + 1).trim());
    for (const one of LISTS.has(name) ? splitOutside(value, ',') : [value]) {
      if (++count > LIMITS.headers) return false;
      headers.read(name, one);
    }
  }
  return true;
}

/** Without control characters, so that what was read can be written again. */
const clean = (text: string): string => text.replace(/[\u0000-\u0008\u000a-\u001f\u007f]/g, '');

/** The declared size of the body in bytes; undefined when there is none, `malformed` when it cannot be. */
export function contentLength({ headers }: SipMessage): number | 'malformed' | undefined {
  const text = headers.get('content-length');
  if (text === undefined) return undefined;
  return parseNumber(text, LIMITS.bodyBytes) ?? 'malformed';
}

/**
 * Reads a datagram. A body shorter than declared is malformed, bytes beyond it are ignored (RFC 3261 section 18.3).
 * @returns `malformed` with the head, where that can be read: a request may then be answered 400
 */
export function parseDatagram(data: Buffer): { message: SipMessage; malformed: boolean } | undefined {
  const end = endOfHead(data);
  if (!end) return undefined;
  const message = parseHead(data.toString('utf8', 0, end.head));
  if (!message) return undefined;
  const length = contentLength(message) ?? data.length - end.body;
  if (length === 'malformed' || length > data.length - end.body) return { message, malformed: true };
  message.body = data.subarray(end.body, end.body + length);
  return { message, malformed: !essentials(message) };
}

/** Where the head ends and the body begins; undefined while the empty line is missing. */
export function endOfHead(data: Buffer): { head: number; body: number } | undefined {
  const crlf = data.indexOf('\r\n\r\n');
  return crlf === -1 ? undefined : { head: crlf, body: crlf + 4 };
}
