import { randomBytes } from 'node:crypto';
import {
  type G711,
  type LocalMedia,
  type NegotiatedMedia,
  type SrtpKey,
  type SrtpSuite,
} from '../../media/media-types.js';
import { type Direction, parseSdp, type SdpCrypto, type SdpMedia } from './sdp-parse.js';

/** What we want of the audio of a call. The same object describes the offer when the answer comes. */
export interface SdpOptions {
  /** Best first. */
  codecs: readonly G711[];
  /** Milliseconds; default 20. */
  ptimeMs?: number;
  direction?: Direction;
  /** One key for each suite, best first: demands SRTP. Absent or empty: plain RTP. */
  srtpKeys?: readonly SrtpKey[];
  /** Names the session: digits. The same for all descriptions of a call (RFC 3264 section 8). */
  sessionId: string;
  /** From 1; one more for each description that differs from the one before. */
  version: number;
}

export type Negotiation = { ok: true; media: NegotiatedMedia } | { ok: false; problem: string };
export type Answering = { ok: true; sdp: string; media: NegotiatedMedia } | { ok: false; problem: string };

const PAYLOAD_TYPE = { PCMU: 0, PCMA: 8 } as const;
const DTMF_PAYLOAD_TYPE = 101;
const DEFAULT_PTIME_MS = 20;
const KEY_BYTES = 30;
const SUITES: readonly SrtpSuite[] = ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'];

const ANSWER: Record<Direction, Direction> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};

const sends = (direction: Direction): boolean => direction === 'sendrecv' || direction === 'sendonly';
const receives = (direction: Direction): boolean => direction === 'sendrecv' || direction === 'recvonly';
const refused = (problem: string): { ok: false; problem: string } => ({ ok: false, problem });

/** A new random key (RFC 4568 section 6.1). */
export const newSrtpKey = (suite: SrtpSuite): SrtpKey => ({ suite, key: randomBytes(KEY_BYTES).toString('base64') });

/** An offer of one audio stream (RFC 3264 section 5). */
export function buildOffer(local: LocalMedia, options: SdpOptions): string {
  const { codecs, srtpKeys = [] } = options;
  return [
    ...sessionLines(local, options),
    ...audioLines({
      local,
      protocol: protocolOf(options),
      formats: codecs.map((codec) => ({ format: String(PAYLOAD_TYPE[codec]), codec })),
      dtmf: String(DTMF_PAYLOAD_TYPE),
      cryptos: srtpKeys.map(({ suite, key }, index) => ({ tag: index + 1, suite, key })),
      ptimeMs: options.ptimeMs ?? DEFAULT_PTIME_MS,
      rtcpMux: local.rtcpPort === local.port,
      direction: options.direction ?? 'sendrecv',
    }),
    '',
  ].join('\r\n');
}

/** What the answer to our offer agrees on (RFC 3264 section 7). `ours` are the options the offer was built from. */
export function negotiate(answer: string, ours: SdpOptions): Negotiation {
  const audio = parseSdp(answer)?.media[0];
  if (audio?.kind !== 'audio') return refused('The answer is no session description with audio');
  if (audio.protocol !== protocolOf(ours)) return refused(`The answer wants ${audio.protocol}`);
  const agreed = agree(audio, ours);
  if (!agreed.ok) return agreed;
  const keys = ours.srtpKeys ?? [];
  const crypto = audio.cryptos[0];
  const own = crypto && keys[crypto.tag - 1];
  if (keys.length > 0 && (!crypto || own?.suite !== crypto.suite || !isKey(crypto.key)))
    return refused('The answer takes none of our SRTP keys');
  const srtp = crypto && own ? { ours: own, theirs: { suite: own.suite, key: crypto.key } } : undefined;
  return { ok: true, media: { ...agreed.media, srtp } };
}

/**
 * Answers an offer (RFC 3264 section 6): the first audio stream is taken, all others are refused within the answer.
 * `options.direction` is what we would like; the answer never does more than the offer allows.
 */
export function answerOffer(offer: string, local: LocalMedia, options: SdpOptions): Answering {
  const sections = parseSdp(offer)?.media ?? [];
  const index = sections.findIndex(
    ({ kind, port, protocol }) => isAudio(kind, port) && protocol === protocolOf(options),
  );
  const audio = sections[index];
  if (!audio) return refused('The offer has no audio that we can take');
  const agreed = agree(audio, options);
  if (!agreed.ok) return agreed;
  const srtp = answerSrtp(audio, options.srtpKeys ?? []);
  if (srtp === 'refused') return refused('The offer has no SRTP key of a suite that we know');
  const direction = narrowed(ANSWER[audio.direction], options.direction ?? 'sendrecv');
  const media = {
    ...agreed.media,
    sends: agreed.media.sends && sends(direction),
    receives: agreed.media.receives && receives(direction),
    srtp: srtp && { ours: srtp.ours, theirs: srtp.theirs },
  };
  const lines = audioLines({
    local,
    protocol: audio.protocol,
    formats: agreed.formats,
    dtmf: media.dtmfPayloadType === undefined ? undefined : String(media.dtmfPayloadType),
    cryptos: srtp ? [{ tag: srtp.tag, ...srtp.ours }] : [],
    ptimeMs: media.ptimeMs,
    rtcpMux: audio.rtcpMux && local.rtcpPort === local.port,
    direction,
  });
  const all = sections.map((section, at) => (at === index ? lines : [refusal(section)])).flat();
  return { ok: true, sdp: [...sessionLines(local, options), ...all, ''].join('\r\n'), media };
}

const isAudio = (kind: string, port: number): boolean => kind === 'audio' && port !== 0;
const protocolOf = ({ srtpKeys = [] }: SdpOptions): string => (srtpKeys.length > 0 ? 'RTP/SAVP' : 'RTP/AVP');
const refusal = ({ kind, protocol, formats }: SdpMedia): string => `m=${kind} 0 ${protocol} ${formats.join(' ')}`;

function narrowed(offered: Direction, wanted: Direction): Direction {
  const send = sends(offered) && sends(wanted);
  const receive = receives(offered) && receives(wanted);
  if (send) return receive ? 'sendrecv' : 'sendonly';
  return receive ? 'recvonly' : 'inactive';
}

interface Format {
  format: string;
  codec: G711;
}

type Agreed = { ok: true; media: NegotiatedMedia; formats: Format[] } | { ok: false; problem: string };

/** What their description and our wishes have in common, SRTP aside. Their order of codecs decides. */
function agree(audio: SdpMedia, ours: SdpOptions): Agreed {
  if (!isAudio(audio.kind, audio.port)) return refused('The far end refused the audio');
  if (audio.address === undefined || !isUnicast(audio.address)) return refused('The far end gives no usable address');
  const formats = audio.formats.flatMap((format): Format[] => {
    const codec = ours.codecs.find((name) => audio.codecs.get(format) === `${name}/8000`);
    return codec === undefined || !isPayloadType(format) ? [] : [{ format, codec }];
  });
  const [first] = formats;
  if (!first) return refused('The far end has no codec in common with us');
  const held = audio.address === '0.0.0.0' || audio.address === '::';
  const direction = narrowed(ANSWER[audio.direction], ours.direction ?? 'sendrecv');
  const media: NegotiatedMedia = {
    address: audio.address,
    port: audio.port,
    rtcpPort: rtcpPortOf(audio),
    codec: first.codec,
    payloadTypes: payloadTypesOf(formats),
    dtmfPayloadType: dtmfOf(audio),
    ptimeMs: ptimeOf(audio, ours.ptimeMs ?? DEFAULT_PTIME_MS),
    sends: sends(direction) && !held,
    receives: receives(direction),
    srtp: undefined,
  };
  return { ok: true, media, formats };
}

const isPayloadType = (format: string): boolean => /^\d{1,3}$/.test(format) && Number(format) < 128;

/** Not multicast, not broadcast. */
function isUnicast(address: string): boolean {
  if (address.includes(':')) return !/^ff/i.test(address);
  const first = Number(address.split('.')[0]);
  return first < 224 && (first !== 0 || address === '0.0.0.0');
}

function payloadTypesOf(formats: readonly Format[]): Partial<Record<G711, number>> {
  const types: Partial<Record<G711, number>> = {};
  for (const { format, codec } of formats) types[codec] ??= Number(format);
  return types;
}

function dtmfOf(audio: SdpMedia): number | undefined {
  const format = audio.formats.find((one) => audio.codecs.get(one) === 'TELEPHONE-EVENT/8000' && isPayloadType(one));
  return format === undefined ? undefined : Number(format);
}

function rtcpPortOf(audio: SdpMedia): number {
  if (audio.rtcpMux) return audio.port;
  const port = audio.rtcpPort ?? audio.port + 1;
  return port > 0 && port <= 65_535 ? port : audio.port;
}

/** Theirs where it is possible with 10 ms units, 10 to 60 ms. */
function ptimeOf({ ptimeMs, maxptimeMs }: SdpMedia, wanted: number): number {
  const asked = Math.min(ptimeMs ?? wanted, maxptimeMs ?? 60, 60);
  return Math.max(10, Math.floor(asked / 10) * 10);
}

const isKey = (key: string): boolean => Buffer.from(key, 'base64').length === KEY_BYTES;

function answerSrtp(audio: SdpMedia, keys: readonly SrtpKey[]) {
  if (keys.length === 0) return undefined;
  const usable = ({ suite, key }: SdpCrypto): boolean => SUITES.some((known) => known === suite) && isKey(key);
  for (const crypto of audio.cryptos.filter(usable)) {
    const ours = keys.find(({ suite }) => suite === crypto.suite);
    if (ours) return { tag: crypto.tag, ours, theirs: { suite: ours.suite, key: crypto.key } };
  }
  return 'refused';
}

function sessionLines({ address }: LocalMedia, { sessionId, version }: SdpOptions): string[] {
  const network = `IN ${address.includes(':') ? 'IP6' : 'IP4'} ${address}`;
  return ['v=0', `o=- ${sessionId} ${version} ${network}`, 's=-', `c=${network}`, 't=0 0'];
}

interface Audio {
  local: LocalMedia;
  protocol: string;
  formats: Format[];
  dtmf: string | undefined;
  cryptos: SdpCrypto[];
  ptimeMs: number;
  rtcpMux: boolean;
  direction: Direction;
}

function audioLines({ local, protocol, formats, dtmf, cryptos, ptimeMs, rtcpMux, direction }: Audio): string[] {
  const list = [...formats.map(({ format }) => format), ...(dtmf === undefined ? [] : [dtmf])].join(' ');
  return [
    `m=audio ${local.port} ${protocol} ${list}`,
    ...formats.map(({ format, codec }) => `a=rtpmap:${format} ${codec}/8000`),
    ...(dtmf === undefined ? [] : [`a=rtpmap:${dtmf} telephone-event/8000`, `a=fmtp:${dtmf} 0-16`]),
    ...cryptos.map(({ tag, suite, key }) => `a=crypto:${tag} ${suite} inline:${key}`),
    `a=ptime:${ptimeMs}`,
    ...(rtcpMux ? ['a=rtcp-mux'] : []),
    ...(rtcpMux || local.rtcpPort === local.port + 1 ? [] : [`a=rtcp:${local.rtcpPort}`]),
    `a=${direction}`,
  ];
}
