import {
  type CarrierTarget,
  CODECS,
  DEFAULT_CARRIER_ID,
  isHeaderText,
  isHost,
  isPort,
  MAX_TARGETS,
  type SipCarrier,
  type SipCredentials,
  type Transport,
  TRANSPORTS,
} from './sip-carrier.js';

/** A SIP or SIPS URI (RFC 3261 §19.1) with at most one parameter: `sip:user:password@host:port;transport=tcp`. */
const SIP_URI =
  /^(sips?):(?:([^:@;?,\s]+):([^:@;?,\s]+)@)?(\[[^\]@;?,\s]+\]|[^[\]:@;?,\s]+)(?::(\d{1,5}))?(?:;transport=([a-z]+))?$/i;

interface ParsedUri {
  target: CarrierTarget;
  credentials: SipCredentials | undefined;
}

/**
 * Parses `SIP_CARRIER`: one URI, or several separated by commas in the order of failover. User name and password are
 * percent-encoded and stand in the first URI; the other URIs repeat or omit them.
 * @returns undefined for a malformed setting
 */
export function parseSipCarrier(text: string): SipCarrier | undefined {
  const trunks = text.split(',').map((uri) => parseUri(uri.trim()));
  if (trunks.length > MAX_TARGETS || !trunks.every((trunk) => trunk !== undefined)) return undefined;
  const credentials = trunks[0]?.credentials;
  const isOther = (other: SipCredentials | undefined) =>
    other !== undefined && (other.username !== credentials?.username || other.password !== credentials.password);
  if (trunks.some((trunk) => isOther(trunk.credentials))) return undefined;
  return {
    kind: 'sip',
    id: DEFAULT_CARRIER_ID,
    name: 'SIP_CARRIER',
    targets: trunks.map(({ target }) => target),
    ...(credentials ? { credentials } : {}),
    codecs: [...CODECS],
    srtp: 'off',
    callerIdFormat: 'e164',
    numberFormat: 'e164',
    fromDomain: null,
    callsPerSecond: null,
    maxChannels: null,
    registration: false,
    verifyTls: true,
  };
}

function parseUri(uri: string): ParsedUri | undefined {
  const match = SIP_URI.exec(uri);
  if (!match) return undefined;
  const [, scheme = '', user, secret, bracketed = '', digits, parameter] = match;
  const transport = transportOf(scheme.toLowerCase(), parameter?.toLowerCase());
  const isBracketed = bracketed.startsWith('[');
  const host = isBracketed ? bracketed.slice(1, -1) : bracketed;
  const port = digits === undefined ? null : Number(digits);
  if (!transport || !isHost(host) || host.includes(':') !== isBracketed) return undefined;
  if (port !== null && !isPort(port)) return undefined;
  const target = { host, port, transport };
  if (user === undefined || secret === undefined) return { target, credentials: undefined };
  const [username, password] = [percentDecoded(user), percentDecoded(secret)];
  if (username === undefined || password === undefined) return undefined;
  return { target, credentials: { username, password } };
}

/** `sips` means TLS with every transport but UDP, which it excludes (RFC 3261 §26.2.2). */
function transportOf(scheme: string, parameter: string | undefined): Transport | undefined {
  const named = TRANSPORTS.find((transport) => transport === parameter);
  if (parameter !== undefined && !named) return undefined;
  if (scheme === 'sips') return named === 'udp' ? undefined : 'tls';
  return named ?? 'udp';
}

function percentDecoded(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text);
    return isHeaderText(decoded) ? decoded : undefined;
  } catch {
    return undefined;
  }
}
