/** A SIP trunk, from the API or from the settings. */

export const TRANSPORTS = ['udp', 'tcp', 'tls'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** RFC 3551 names of G.711 µ-law and A-law. */
export const CODECS = ['PCMU', 'PCMA'] as const;
export type Codec = (typeof CODECS)[number];

export const SRTP_MODES = ['off', 'required'] as const;
export type SrtpMode = (typeof SRTP_MODES)[number];

/** The format of numbers in SIP messages: `+14155550123` or `14155550123`. */
export const NUMBER_FORMATS = ['e164', 'e164_without_plus'] as const;
export type NumberFormat = (typeof NUMBER_FORMATS)[number];

/** A server of a carrier. */
export interface CarrierTarget {
  /** A name, an IPv4 address, or an IPv6 address without brackets. */
  host: string;
  /** null: from DNS, else the default of the transport (RFC 3263). */
  port: number | null;
  transport: Transport;
}

export interface SipCredentials {
  username: string;
  password: string;
  /** Answers only challenges of this realm; undefined: any. */
  realm?: string;
}

export interface SipCarrier {
  kind: 'sip';
  /** `DEFAULT_CARRIER_ID` for the carrier of the settings. */
  id: string;
  name: string;
  /** In the order of failover; at least one. */
  targets: readonly CarrierTarget[];
  credentials?: SipCredentials;
  /** In the order of the offer; at least one. */
  codecs: readonly Codec[];
  srtp: SrtpMode;
  /** The format of the caller's number, in From. */
  callerIdFormat: NumberFormat;
  /** The format of the called number. */
  numberFormat: NumberFormat;
  /** The host in From; null: the host of the target. */
  fromDomain: string | null;
  /** New calls in any second; null: the limit of the settings. 0: no limit. */
  callsPerSecond: number | null;
  /** Calls at once; null: no limit. */
  maxChannels: number | null;
  registration: boolean;
  /** Whether a TLS certificate must be valid for the host. */
  verifyTls: boolean;
}

/** Makes a SIP carrier of its stored row. */
export function toSipCarrier(row: Omit<SipCarrier, 'kind' | 'credentials'>, credentials?: SipCredentials): SipCarrier {
  return {
    kind: 'sip',
    id: row.id,
    name: row.name,
    targets: row.targets,
    ...(credentials && { credentials }),
    codecs: row.codecs,
    srtp: row.srtp,
    callerIdFormat: row.callerIdFormat,
    numberFormat: row.numberFormat,
    fromDomain: row.fromDomain,
    callsPerSecond: row.callsPerSecond,
    maxChannels: row.maxChannels,
    registration: row.registration,
    verifyTls: row.verifyTls,
  };
}

export const DEFAULT_CARRIER_ID = 'default';
export const MAX_TARGETS = 8;

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;
const OCTET = /^(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])$/;

/** Whether a text is a host name (RFC 1123 §2.1, with `_`), an IPv4 address or an IPv6 address without brackets. */
export function isHost(text: string): boolean {
  if (text.length === 0 || text.length > 253) return false;
  if (text.includes(':')) return /^[0-9a-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]/`);
  const labels = text.split('.');
  // A last label of digits alone is an address (or a mistyped one), never a name.
  if (/^\d+$/.test(labels.at(-1) ?? '')) return labels.length === 4 && labels.every((label) => OCTET.test(label));
  return labels.every((label) => LABEL.test(label));
}

export const isPort = (port: unknown): port is number =>
  Number.isSafeInteger(port) && (port as number) >= 1 && (port as number) <= 65_535;

/** Whether a text is safe in a SIP header as a user name or realm: a control character could start another header. */
export const isHeaderText = (text: string): boolean => text.length > 0 && text.length <= 255 && !/\p{C}/u.test(text);

export const formatNumber = (e164: string, format: NumberFormat): string =>
  format === 'e164' ? e164 : e164.replace(/^\+/, '');
