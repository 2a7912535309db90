import { formatHostPort, parseHostPort } from './host.js';
import { type Params, parseParams } from './sip-text.js';

/** A SIP or SIPS URI (RFC 3261 section 19.1). */
export interface SipUri {
  scheme: 'sip' | 'sips';
  /** As written, escapes and all; with the password, where there is one. */
  user: string | undefined;
  /** IPv6 without brackets. */
  host: string;
  port: number | undefined;
  params: Params;
}

const MAX_LENGTH = 2_048;

/** Reads a SIP or SIPS URI; undefined when it is none. Headers after `?` are left out: we never follow them. */
export function parseSipUri(text: string): SipUri | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const match = /^(sips?):(?:([^@\s<>"]*)@)?([^;?@\s<>"]+)((?:;[^?\s<>"]*)?)(?:\?[^\s<>"]*)?$/i.exec(text);
  if (!match) return undefined;
  const [, scheme = '', user, hostText = '', params = ''] = match;
  const place = parseHostPort(hostText);
  if (!place) return undefined;
  return { scheme: scheme.toLowerCase() === 'sips' ? 'sips' : 'sip', user, ...place, params: parseParams(params) };
}

/** Writes a URI as {@link parseSipUri} reads it. */
export function formatSipUri({ scheme, user, host, port, params }: SipUri): string {
  const suffix = [...params].map(([name, value]) => (value === '' ? `;${name}` : `;${name}=${value}`)).join('');
  return `${scheme}:${user === undefined ? '' : `${user}@`}${formatHostPort(host, port)}${suffix}`;
}
