import { isAddress } from '../message/host.js';

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface SdpCrypto {
  tag: number;
  suite: string;
  /** base64, lifetime and MKI taken off. */
  key: string;
}

/** One m= line and what belongs to it, with what the session says filled in. */
export interface SdpMedia {
  kind: string;
  /** 0: refused. */
  port: number;
  protocol: string;
  formats: string[];
  /** `NAME/rate` in upper case by format; the static ones of G.711 are filled in. */
  codecs: Map<string, string>;
  /** undefined when it is no numeric address. */
  address: string | undefined;
  direction: Direction;
  ptimeMs: number | undefined;
  maxptimeMs: number | undefined;
  rtcpMux: boolean;
  rtcpPort: number | undefined;
  cryptos: SdpCrypto[];
}

export interface Sdp {
  media: SdpMedia[];
}

interface Section {
  line: string;
  address: string | undefined;
  direction: Direction | undefined;
  attributes: string[];
}

const LIMITS = { bytes: 65_536, lines: 1_000, media: 16, formats: 64 } as const;
const STATIC: ReadonlyMap<string, string> = new Map([
  ['0', 'PCMU/8000'],
  ['8', 'PCMA/8000'],
]);

/** Reads a session description (RFC 4566); undefined when it is none, or larger than any we accept. */
export function parseSdp(text: string): Sdp | undefined {
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim());
  if (text.length > LIMITS.bytes || lines.length > LIMITS.lines || lines[0] !== 'v=0') return undefined;
  const session = newSection('');
  const sections: Section[] = [];
  for (const line of lines) {
    if (line.startsWith('m=')) sections.push(newSection(line.slice(2)));
    else readLine(line, sections.at(-1) ?? session);
  }
  if (sections.length > LIMITS.media) return undefined;
  const media = sections.map((section) => mediaOf(section, session));
  return media.every((one) => one !== undefined) ? { media } : undefined;
}

const newSection = (line: string): Section => ({ line, address: undefined, direction: undefined, attributes: [] });

function readLine(line: string, section: Section): void {
  const value = line.slice(2);
  if (line.startsWith('c=')) section.address ??= addressOf(value) ?? '';
  if (!line.startsWith('a=')) return;
  if (isDirection(value)) section.direction = value;
  else section.attributes.push(value);
}

const isDirection = (value: string): value is Direction => /^(sendrecv|sendonly|recvonly|inactive)$/.test(value);

/** `IN IP4 192.0.2.1`, perhaps with `/ttl`. */
function addressOf(value: string): string | undefined {
  const [, address] = /^IN\s+IP[46]\s+([^\s/]+)/i.exec(value) ?? [];
  return address !== undefined && isAddress(address) ? address : undefined;
}

function mediaOf(section: Section, session: Section): SdpMedia | undefined {
  const [, kind, portText, protocol, formats] = /^(\S+) (\d{1,5})(?:\/\d+)? (\S+)(.*)$/.exec(section.line) ?? [];
  const port = Number(portText);
  if (kind === undefined || protocol === undefined || port > 65_535) return undefined;
  const attributes = section.attributes;
  const number = (name: string): number | undefined => {
    const [, digits] = find(attributes, new RegExp(`^${name}:(\\d{1,5})(?:\\D|$)`)) ?? [];
    return digits === undefined ? undefined : Number(digits);
  };
  return {
    kind: kind.toLowerCase(),
    port,
    protocol: protocol.toUpperCase(),
    formats: (formats ?? '').trim().split(/\s+/).slice(0, LIMITS.formats),
    codecs: codecsOf(attributes),
    address: (section.address ?? session.address) || undefined,
    direction: section.direction ?? session.direction ?? 'sendrecv',
    ptimeMs: number('ptime'),
    maxptimeMs: number('maxptime'),
    rtcpMux: attributes.includes('rtcp-mux'),
    rtcpPort: number('rtcp'),
    cryptos: attributes.map(cryptoOf).filter((crypto) => crypto !== undefined),
  };
}

function find(attributes: readonly string[], pattern: RegExp): RegExpExecArray | undefined {
  for (const attribute of attributes) {
    const match = pattern.exec(attribute);
    if (match) return match;
  }
  return undefined;
}

function codecsOf(attributes: readonly string[]): Map<string, string> {
  const codecs = new Map(STATIC);
  for (const attribute of attributes) {
    const [, format, name, rate] = /^rtpmap:(\d{1,3})\s+([^/\s]+)\/(\d+)(?:\/1)?$/.exec(attribute) ?? [];
    if (format !== undefined && name !== undefined) codecs.set(format, `${name.toUpperCase()}/${rate ?? ''}`);
  }
  return codecs;
}

/** RFC 4568: `1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4`. Several keys, or session parameters, are not for us. */
function cryptoOf(attribute: string): SdpCrypto | undefined {
  const match = /^crypto:(\d{1,9})\s+(\S+)\s+inline:([A-Za-z0-9+/=]+)(?:\|[^\s;]*)?\s*$/i.exec(attribute);
  if (!match) return undefined;
  const [, tag = '', suite = '', key = ''] = match;
  return { tag: Number(tag), suite: suite.toUpperCase(), key };
}
