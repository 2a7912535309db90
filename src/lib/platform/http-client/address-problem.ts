import { isIP } from 'node:net';
import { type Network, NetworkList } from './network.js';
import { isPublicAddress } from './public-address.js';

/** Which addresses may be asked. */
export interface OutboundRules {
  /** Networks that may be asked although they are not public. */
  allowNetworks: readonly Network[];
  /** Refuses http. */
  httpsOnly: boolean;
}

/** The message for a private address. It does not reveal the result of name resolution. */
export const NOT_PUBLIC =
  'The host is not a public address (the operator of this server can allow private ones with PRIVATE_NETWORKS)';

const MAX_LENGTH = 2048;

/**
 * An address as people write it. The URL parser repairs much more (`https:host`, `https:\\host`, line breaks within),
 * and what different parsers repair differently is how checks are got round.
 */
const PLAIN_URL = /^https?:\/\/[^\s\\/?#@]+(?:[/?#][^\s\\]*)?$/i;
const CONTROL = /[\u0000-\u0020\u007f]/;

/** Names that mean a machine or network of their reader (RFC 6761, RFC 6762, RFC 8375, RFC 9476, ICANN on .internal). */
const PRIVATE_SUFFIXES = [
  'localhost',
  'localdomain',
  'local',
  'internal',
  'intranet',
  'private',
  'corp',
  'home',
  'lan',
  'home.arpa',
  'onion',
  'alt',
  'invalid',
  'test',
  'example',
];

/**
 * Why the rules forbid this address, as a message for the customer; undefined for an allowed address. The connection checks
 * the result of name resolution later.
 */
export function addressProblem(text: string, { allowNetworks, httpsOnly }: OutboundRules): string | undefined {
  if (text.length > MAX_LENGTH) return `The address is longer than ${MAX_LENGTH} characters`;
  if (/^https?:\/\/[^/?#]*@/i.test(text)) return 'The address must hold no user name and no password';
  if (CONTROL.test(text) || !PLAIN_URL.test(text) || !URL.canParse(text))
    return 'The address must be like https://example.com/path';
  const { protocol, port, hostname } = new URL(text);
  if (httpsOnly && protocol !== 'https:') return 'The address must begin with https://';
  if (port === '0') return 'The port must be from 1 to 65535';
  if (hostname.endsWith('.')) return 'The host must be written without a dot at its end';
  return hostProblem(hostOf(hostname), allowNetworks);
}

/** The host as it is connected to: without the brackets of IPv6. */
export const hostOf = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1');

/** Whether a connection to this address of a host may be made. */
export const mayConnect = (address: string, allowed: NetworkList): boolean =>
  isPublicAddress(address) || allowed.has(address);

function hostProblem(host: string, allowNetworks: readonly Network[]): string | undefined {
  if (isIP(host)) return mayConnect(host, new NetworkList(allowNetworks)) ? undefined : NOT_PUBLIC;
  // With private networks allowed, such names may be theirs: what they resolve to decides.
  return allowNetworks.length === 0 && isPrivateName(host) ? NOT_PUBLIC : undefined;
}

function isPrivateName(host: string): boolean {
  return !host.includes('.') || PRIVATE_SUFFIXES.some((suffix) => host.endsWith(`.${suffix}`));
}
