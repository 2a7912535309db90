import { isSafeLine, type Params, parseParams, quote, unquote } from './sip-text.js';

/** What From, To, Contact, Route and Refer-To hold (RFC 3261 section 20.10). */
export interface NameAddr {
  displayName: string;
  /** As written. */
  uri: string;
  /** Those of the header; those of the URI stay inside of it. */
  params: Params;
}

/** Reads `"Name" <uri>;params` or `uri;params`; undefined when it is neither. */
export function parseNameAddr(text: string): NameAddr | undefined {
  const bracketed = /^\s*("(?:[^"\\]|\\.)*"|[^<"]*?)\s*<\s*([^<>\s]+)\s*>\s*(|;.*)$/s.exec(text);
  if (bracketed) {
    const [, name = '', uri = '', params = ''] = bracketed;
    return { displayName: unquote(name), uri, params: parseParams(params) };
  }
  const bare = /^\s*([A-Za-z][A-Za-z0-9+.-]*:[^;,<>"\s]+)\s*(|;.*)$/s.exec(text);
  if (!bare) return undefined;
  const [, uri = '', params = ''] = bare;
  return { displayName: '', uri, params: parseParams(params) };
}

/**
 * Writes `"Name" <uri>`.
 * @throws TypeError when the name or the URI cannot stand in a header
 */
export function formatNameAddr(uri: string, displayName = ''): string {
  if (!isSafeLine(displayName) || !isSafeLine(uri) || /[<>"\s]/.test(uri))
    throw new TypeError('A display name or URI holds characters that SIP headers cannot');
  return displayName === '' ? `<${uri}>` : `${quote(displayName)} <${uri}>`;
}
