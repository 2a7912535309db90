/** What is needed to place a call through a SIP trunk, whether it comes from the API or from the settings. */

export const TRANSPORTS = ['udp', 'tcp', 'tls'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** RFC 3551 names of G.711 µ-law and A-law. */
export const CODECS = ['PCMU', 'PCMA'] as const;
export type Codec = (typeof CODECS)[number];

export const SRTP_MODES = ['off', 'required'] as const;
export type SrtpMode = (typeof SRTP_MODES)[number];

/** How a number is written to the carrier: `+14155550123` or `14155550123`. */
export const NUMBER_FORMATS = ['e164', 'e164_without_plus'] as const;
export type NumberFormat = (typeof NUMBER_FORMATS)[number];

/** A server of a carrier. */
export interface CarrierTarget {
  /** A name, an IPv4 address, or an IPv6 address without brackets. */
  host: string;
  /** null: as DNS says, else the default of the transport (RFC 3263). */
  port: number | null;
  transport: Transport;
}

export interface SipCredentials {
  username: string;
  password: string;
  /** Only challenges of this realm are answered; undefined: any. */
  realm?: string;
}

export interface SipCarrier {
  kind: 'sip';
  /** `DEFAULT_CARRIER_ID` for that of the settings. */
  id: string;
  name: string;
  /** In the order in which they are tried; at least one. */
  targets: readonly CarrierTarget[];
  credentials?: SipCredentials;
  /** In the order in which they are offered; at least one. */
  codecs: readonly Codec[];
  srtp: SrtpMode;
  /** How our number is written in From. */
  callerIdFormat: NumberFormat;
  /** How the number that is called is written. */
  numberFormat: NumberFormat;
  /** The host in From; null: that of the target. */
  fromDomain: string | null;
  /** New calls in any second; null: the setting counts. 0: no limit. */
  callsPerSecond: number | null;
  /** Calls at once; null: no limit. */
  maxChannels: number | null;
  registration: boolean;
  /** Whether a TLS certificate must be valid for the host. */
  verifyTls: boolean;
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

/** What may stand in a SIP header as a user name or realm: no control characters, so that no header can be smuggled in. */
export const isHeaderText = (text: string): boolean => text.length > 0 && text.length <= 255 && !/\p{C}/u.test(text);

/** A number as the carrier wants it. */
export const formatNumber = (e164: string, format: NumberFormat): string =>
  format === 'e164' ? e164 : e164.replace(/^\+/, '');
