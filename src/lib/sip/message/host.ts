import { parseNumber } from './sip-text.js';

export interface HostPort {
  /** A name, an IPv4 address, or an IPv6 address without brackets. */
  host: string;
  port: number | undefined;
}

const MAX_PORT = 65_535;
const NAME = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/;
const OCTET = /^(0|[1-9]\d{0,2})$/;

export function isIPv4(text: string): boolean {
  const octets = text.split('.');
  return octets.length === 4 && octets.every((octet) => OCTET.test(octet) && Number(octet) < 256);
}

/** An IPv6 address without brackets and without a zone. */
export function isIPv6(text: string): boolean {
  return /^[0-9A-Fa-f:.]{2,45}$/.test(text) && text.includes(':') && URL.canParse(`http://[${text}]/`);
}

export const isAddress = (text: string): boolean => isIPv4(text) || isIPv6(text);

/** As it is written in URIs and Via: IPv6 in brackets. */
export const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

export const unbracketed = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

/** `host`, `host:port`, `[ipv6]:port`. */
export const formatHostPort = (host: string, port: number | undefined): string =>
  port === undefined ? bracketed(host) : `${bracketed(host)}:${port}`;

/** Reads `host[:port]` (RFC 3261 section 25.1 `hostport`); undefined when it is none. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([^\]]*)\]|([^:[\]\s]+))(?:\s*:\s*(\d{1,5}))?$/.exec(text.trim());
  if (!match) return undefined;
  const [, ipv6, name, portText] = match;
  const port = parseNumber(portText, MAX_PORT);
  if (portText !== undefined && (port === undefined || port === 0)) return undefined;
  if (ipv6 !== undefined) return isIPv6(ipv6) ? { host: ipv6, port } : undefined;
  return name !== undefined && NAME.test(name) ? { host: name, port } : undefined;
}
