import { parseHostPort } from './host.js';
import { type Params, parseParams } from './sip-text.js';

/** One Via (RFC 3261 section 20.42). */
export interface Via {
  /** In upper case, e.g. `UDP`. */
  transport: string;
  host: string;
  port: number | undefined;
  params: Params;
}

/** Reads one Via; undefined when it is none. */
export function parseVia(text: string): Via | undefined {
  const match = /^SIP\s*\/\s*2\.0\s*\/\s*([A-Za-z0-9.-]+)\s+([^;\s]+(?:\s*:\s*\d+)?)\s*(|;.*)$/is.exec(text);
  if (!match) return undefined;
  const [, transport = '', sentBy = '', params = ''] = match;
  const place = parseHostPort(sentBy);
  return place && { transport: transport.toUpperCase(), ...place, params: parseParams(params) };
}

/** A Via with what the receiver saw added: `received` always, the port where `rport` asks for it (RFC 3581). */
export function withReceived(via: string, address: string, port: number): string {
  const cleaned = via.replace(/;\s*received\s*=[^;]*/gi, '');
  const ported = cleaned.replace(/;\s*rport(\s*=\s*\d*)?\s*(?=;|$)/i, `;rport=${port}`);
  return `${ported};received=${address}`;
}
