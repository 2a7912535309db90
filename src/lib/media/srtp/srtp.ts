import { createCipheriv, createHmac, randomBytes, timingSafeEqual, type Cipher } from 'node:crypto';
import { type SrtpKey, type SrtpSuite } from '../media-types.js';
import { rtpHeaderLength } from '../rtp/rtp-packet.js';

const MASTER_KEY_BYTES = 16;
const KEY_AND_SALT_BYTES = 30;
/** Of RTCP in both suites (RFC 4568 section 6.2). */
const RTCP_TAG_BYTES = 10;
const RTCP_INDEX_BYTES = 4;
/** How far behind a packet may come; RFC 3711 asks for 64 at least. */
const REPLAY_WINDOW = 128;
/** An authenticated far end changes its source now and then, not without end. */
const MAX_SOURCES = 16;
const TAG_BYTES: Record<SrtpSuite, number> = { AES_CM_128_HMAC_SHA1_80: 10, AES_CM_128_HMAC_SHA1_32: 4 };

/** A fresh key to offer. */
export function newSrtpKey(suite: SrtpSuite): SrtpKey {
  return { suite, key: randomBytes(KEY_AND_SALT_BYTES).toString('base64') };
}

/** Whether a key that came from the far end can be used. */
export function isSrtpKey(key: SrtpKey): boolean {
  return Object.hasOwn(TAG_BYTES, key.suite) && Buffer.from(key.key, 'base64').length === KEY_AND_SALT_BYTES;
}

/**
 * AES in counter mode (RFC 3711 section 4.1.1). The keystream is made by one long-lived AES-ECB cipher over counter
 * blocks: to set up a cipher for each packet took most of the time.
 */
export class CounterMode {
  private readonly aes: Cipher;
  private blocks = Buffer.alloc(16 * 16);

  constructor(
    key: Buffer,
    private readonly salt: Buffer,
  ) {
    this.aes = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  }

  /** Encrypts or decrypts `data` in place. `index` is that of the packet, up to 48 bits. */
  apply(data: Buffer, ssrc: number, index: number): void {
    const count = Math.ceil(data.length / 16);
    if (count === 0) return;
    if (this.blocks.length < count * 16) this.blocks = Buffer.alloc(count * 16);
    const blocks = this.blocks.subarray(0, count * 16);
    const { salt } = this;
    for (let block = 0; block < count; block++) {
      const at = block * 16;
      salt.copy(blocks, at, 0, 14);
      blocks.writeUInt32BE((salt.readUInt32BE(4) ^ ssrc) >>> 0, at + 4);
      const high = Math.floor(index / 65_536);
      blocks.writeUInt32BE((salt.readUInt32BE(8) ^ high) >>> 0, at + 8);
      blocks.writeUInt16BE(salt.readUInt16BE(12) ^ (index & 0xffff), at + 12);
      blocks.writeUInt16BE(block & 0xffff, at + 14);
    }
    const stream = this.aes.update(blocks);
    for (let i = 0; i < data.length; i++) data[i] = (data[i] ?? 0) ^ (stream[i] ?? 0);
  }
}

/** Session keys (RFC 3711 section 4.3; the key derivation rate is 0). */
export function deriveSessionKey(masterKey: Buffer, masterSalt: Buffer, label: number, length: number): Buffer {
  const derived = Buffer.alloc(length);
  const iv = Buffer.alloc(14);
  masterSalt.copy(iv);
  iv[7] = (iv[7] ?? 0) ^ label;
  new CounterMode(masterKey, iv).apply(derived, 0, 0);
  return derived;
}

/** Which of the last packets have been seen (RFC 3711 section 3.3.2). */
class ReplayWindow {
  highest = -1;
  private readonly seen = new Float64Array(REPLAY_WINDOW).fill(-1);

  isFresh(index: number): boolean {
    return index > this.highest - REPLAY_WINDOW && this.seen[index % REPLAY_WINDOW] !== index;
  }

  add(index: number): void {
    this.seen[index % REPLAY_WINDOW] = index;
    if (index > this.highest) this.highest = index;
  }
}

/** One direction of a protected line: what we send, or what arrives. */
export class SrtpContext {
  private readonly rtpCipher: CounterMode;
  private readonly rtcpCipher: CounterMode;
  private readonly rtpAuthKey: Buffer;
  private readonly rtcpAuthKey: Buffer;
  private readonly tagBytes: number;
  private readonly rtpSources = new Map<number, ReplayWindow>();
  private readonly rtcpSources = new Map<number, ReplayWindow>();
  private sentIndex: number | undefined;
  private sentRtcpIndex = 0;

  /** @throws {RangeError} for a key that `isSrtpKey` refuses. */
  constructor(key: SrtpKey) {
    if (!isSrtpKey(key)) throw new RangeError('an SRTP key is 16 bytes and a salt of 14, in base64');
    const bytes = Buffer.from(key.key, 'base64');
    const derive = (label: number, length: number): Buffer =>
      deriveSessionKey(bytes.subarray(0, MASTER_KEY_BYTES), bytes.subarray(MASTER_KEY_BYTES), label, length);
    this.rtpCipher = new CounterMode(derive(0, 16), derive(2, 14));
    this.rtpAuthKey = derive(1, 20);
    this.rtcpCipher = new CounterMode(derive(3, 16), derive(5, 14));
    this.rtcpAuthKey = derive(4, 20);
    this.tagBytes = TAG_BYTES[key.suite];
  }

  /** A protected copy of an RTP packet of ours. The packets of one source must come in order. */
  protectRtp(packet: Buffer): Buffer {
    const header = rtpHeaderLength(packet) ?? packet.length;
    const sequence = packet.readUInt16BE(2);
    const index = this.sentIndex === undefined ? sequence : nearestIndex(this.sentIndex, sequence);
    this.sentIndex = index;
    const secured = Buffer.allocUnsafe(packet.length + this.tagBytes);
    packet.copy(secured);
    this.rtpCipher.apply(secured.subarray(header, packet.length), packet.readUInt32BE(8), index);
    this.rtpTag(secured.subarray(0, packet.length), index).copy(secured, packet.length, 0, this.tagBytes);
    return secured;
  }

  /** The packet inside; undefined for a forged, repeated, outdated or malformed one. */
  unprotectRtp(secured: Buffer): Buffer | undefined {
    const end = secured.length - this.tagBytes;
    if (end < 12) return undefined;
    const packet = secured.subarray(0, end);
    const header = rtpHeaderLength(packet);
    if (header === undefined) return undefined;
    const ssrc = packet.readUInt32BE(8);
    const source = this.rtpSources.get(ssrc);
    const sequence = packet.readUInt16BE(2);
    const index = source ? nearestIndex(source.highest, sequence) : sequence;
    if (index < 0 || (source && !source.isFresh(index))) return undefined;
    if (!sameTag(this.rtpTag(packet, index), secured.subarray(end))) return undefined;
    // A packet changes the state only after its authentication.
    remember(this.rtpSources, ssrc, index);
    const plain = Buffer.from(packet);
    this.rtpCipher.apply(plain.subarray(header), ssrc, index);
    return plain;
  }

  /** RFC 3711 section 3.4: the first eight bytes stay readable, the index follows, all of it is authenticated. */
  protectRtcp(packet: Buffer): Buffer {
    const index = this.sentRtcpIndex;
    this.sentRtcpIndex = (index + 1) & 0x7fff_ffff;
    const secured = Buffer.allocUnsafe(packet.length + RTCP_INDEX_BYTES + RTCP_TAG_BYTES);
    packet.copy(secured);
    this.rtcpCipher.apply(secured.subarray(8, packet.length), packet.readUInt32BE(4), index);
    secured.writeUInt32BE((0x8000_0000 | index) >>> 0, packet.length);
    const end = packet.length + RTCP_INDEX_BYTES;
    this.rtcpTag(secured.subarray(0, end)).copy(secured, end, 0, RTCP_TAG_BYTES);
    return secured;
  }

  unprotectRtcp(secured: Buffer): Buffer | undefined {
    const end = secured.length - RTCP_TAG_BYTES;
    const bodyEnd = end - RTCP_INDEX_BYTES;
    if (bodyEnd < 8) return undefined;
    const word = secured.readUInt32BE(bodyEnd);
    const index = word & 0x7fff_ffff;
    const ssrc = secured.readUInt32BE(4);
    if (this.rtcpSources.get(ssrc)?.isFresh(index) === false) return undefined;
    if (!sameTag(this.rtcpTag(secured.subarray(0, end)), secured.subarray(end))) return undefined;
    remember(this.rtcpSources, ssrc, index);
    const plain = Buffer.from(secured.subarray(0, bodyEnd));
    if (word & 0x8000_0000) this.rtcpCipher.apply(plain.subarray(8), ssrc, index);
    return plain;
  }

  private rtpTag(packet: Buffer, index: number): Buffer {
    const rolloverCounter = Buffer.allocUnsafe(4);
    rolloverCounter.writeUInt32BE(Math.floor(index / 65_536) >>> 0);
    return createHmac('sha1', this.rtpAuthKey).update(packet).update(rolloverCounter).digest();
  }

  private rtcpTag(packet: Buffer): Buffer {
    return createHmac('sha1', this.rtcpAuthKey).update(packet).digest();
  }
}

/** The packet index of a sequence number: the one nearest to the highest so far (RFC 3711 section 3.3.1). */
function nearestIndex(highest: number, sequence: number): number {
  const rollover = Math.floor(highest / 65_536);
  const ahead = sequence - (highest & 0xffff);
  if (ahead > 32_768) return (rollover - 1) * 65_536 + sequence;
  if (ahead < -32_768) return (rollover + 1) * 65_536 + sequence;
  return rollover * 65_536 + sequence;
}

function sameTag(computed: Buffer, received: Buffer): boolean {
  return timingSafeEqual(computed.subarray(0, received.length), received);
}

function remember(sources: Map<number, ReplayWindow>, ssrc: number, index: number): void {
  let source = sources.get(ssrc);
  if (!source) {
    const [oldest] = sources.keys();
    if (sources.size >= MAX_SOURCES && oldest !== undefined) sources.delete(oldest);
    sources.set(ssrc, (source = new ReplayWindow()));
  }
  source.add(index);
}
