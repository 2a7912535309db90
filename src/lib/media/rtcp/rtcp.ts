/** Builds and parses compound RTCP packets (RFC 3550 section 6). */

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
const BYE = 203;
const SECONDS_FROM_1900_TO_1970 = 2_208_988_800;
const BLOCK_BYTES = 24;

/** What a receiver says of one source (RFC 3550 section 6.4.1). */
export interface ReportBlock {
  ssrc: number;
  /** Of 256, since the report before. */
  fractionLost: number;
  /** Since the beginning; duplicates can make it negative. */
  cumulativeLost: number;
  /** With the wraps of the sequence number in the upper 16 bits. */
  highestSequence: number;
  /** In timestamp units. */
  jitter: number;
  /** The middle 32 bits of the NTP time of the last sender report; 0: none yet. */
  lastReport: number;
  /** Between that report and this one, in 1/65536 s. */
  delaySinceLastReport: number;
}

export interface SenderInfo {
  /** Unix milliseconds. */
  wallMs: number;
  rtpTimestamp: number;
  packets: number;
  octets: number;
}

export interface RtcpReport {
  ssrc: number;
  /** Absent while the source has sent no RTP. */
  sender: { ntpMiddle: number } | undefined;
  blocks: ReportBlock[];
}

export interface RtcpCompound {
  reports: RtcpReport[];
  cname: string | undefined;
  /** Sources that left. */
  byes: number[];
}

/** The middle 32 bits of the NTP timestamp of a moment in Unix milliseconds: seconds in 16.16 fixed point. */
export function ntpMiddle(wallMs: number): number {
  const seconds = Math.floor(wallMs / 1_000) + SECONDS_FROM_1900_TO_1970;
  const fraction = Math.floor(((wallMs % 1_000) / 1_000) * 65_536);
  return (((seconds & 0xffff) << 16) | fraction) >>> 0;
}

/**
 * The round trip in milliseconds (RFC 3550 section 6.4.1) of a block that arrived at `wallMs`; undefined where the far
 * end had no report of ours, or its figures make no sense.
 */
export function roundTripMs(block: ReportBlock, wallMs: number): number | undefined {
  if (block.lastReport === 0) return undefined;
  const units = (ntpMiddle(wallMs) - block.lastReport - block.delaySinceLastReport) | 0;
  const ms = (units / 65_536) * 1_000;
  // The two clocks round apart by a unit or so; a minute is no round trip but nonsense.
  if (ms < -5 || ms > 60_000) return undefined;
  return Math.max(0, ms);
}

/** A compound packet: a sender or receiver report, our CNAME and, at the end, BYE. */
export function buildRtcp(report: {
  ssrc: number;
  cname: string;
  sender: SenderInfo | undefined;
  block: ReportBlock | undefined;
  bye: boolean;
}): Buffer {
  const parts = [buildReport(report), buildSourceDescription(report.ssrc, report.cname)];
  if (report.bye) {
    const bye = Buffer.alloc(8);
    writeHeader(bye, 1, BYE);
    bye.writeUInt32BE(report.ssrc, 4);
    parts.push(bye);
  }
  return Buffer.concat(parts);
}

function writeHeader(packet: Buffer, count: number, type: number): void {
  packet[0] = 0x80 | count;
  packet[1] = type;
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
}

function buildReport(report: { ssrc: number; sender: SenderInfo | undefined; block: ReportBlock | undefined }): Buffer {
  const { sender, block } = report;
  const blocksAt = sender ? 28 : 8;
  const packet = Buffer.alloc(blocksAt + (block ? BLOCK_BYTES : 0));
  writeHeader(packet, block ? 1 : 0, sender ? SENDER_REPORT : RECEIVER_REPORT);
  packet.writeUInt32BE(report.ssrc, 4);
  if (sender) {
    packet.writeUInt32BE((Math.floor(sender.wallMs / 1_000) + SECONDS_FROM_1900_TO_1970) >>> 0, 8);
    packet.writeUInt32BE(Math.floor(((sender.wallMs % 1_000) / 1_000) * 2 ** 32) >>> 0, 12);
    packet.writeUInt32BE(sender.rtpTimestamp, 16);
    packet.writeUInt32BE(sender.packets >>> 0, 20);
    packet.writeUInt32BE(sender.octets >>> 0, 24);
  }
  if (block) {
    packet.writeUInt32BE(block.ssrc, blocksAt);
    packet.writeUInt8(block.fractionLost, blocksAt + 4);
    packet.writeIntBE(Math.max(-0x80_0000, Math.min(0x7f_ffff, block.cumulativeLost)), blocksAt + 5, 3);
    packet.writeUInt32BE(block.highestSequence >>> 0, blocksAt + 8);
    packet.writeUInt32BE(block.jitter >>> 0, blocksAt + 12);
    packet.writeUInt32BE(block.lastReport, blocksAt + 16);
    packet.writeUInt32BE(block.delaySinceLastReport >>> 0, blocksAt + 20);
  }
  return packet;
}

function buildSourceDescription(ssrc: number, cname: string): Buffer {
  const text = Buffer.from(cname).subarray(0, 255);
  // One item, the null that ends the list, and zeros up to a multiple of four (section 6.5).
  const packet = Buffer.alloc(8 + Math.ceil((2 + text.length + 1) / 4) * 4);
  writeHeader(packet, 1, SOURCE_DESCRIPTION);
  packet.writeUInt32BE(ssrc, 4);
  packet[8] = 1;
  packet[9] = text.length;
  text.copy(packet, 10);
  return packet;
}

/** Undefined unless the whole compound is well-formed (RFC 3550 appendix A.2). Unknown packet types are passed over. */
export function parseRtcp(compound: Buffer): RtcpCompound | undefined {
  const parsed: RtcpCompound = { reports: [], cname: undefined, byes: [] };
  let at = 0;
  while (at < compound.length) {
    if (compound.length - at < 4 || compound.readUInt8(at) >> 6 !== 2) return undefined;
    const length = 4 * (compound.readUInt16BE(at + 2) + 1);
    if (at + length > compound.length) return undefined;
    const type = compound.readUInt8(at + 1);
    if (at === 0 && type !== SENDER_REPORT && type !== RECEIVER_REPORT) return undefined;
    if (!readPacket(compound.subarray(at, at + length), type, parsed)) return undefined;
    at += length;
  }
  return at === 0 ? undefined : parsed;
}

function readPacket(packet: Buffer, type: number, parsed: RtcpCompound): boolean {
  const count = packet.readUInt8(0) & 0x1f;
  if (type === SENDER_REPORT || type === RECEIVER_REPORT) {
    const blocksAt = type === SENDER_REPORT ? 28 : 8;
    if (packet.length < blocksAt + count * BLOCK_BYTES) return false;
    parsed.reports.push({
      ssrc: packet.readUInt32BE(4),
      sender: type === SENDER_REPORT ? { ntpMiddle: packet.readUInt32BE(10) } : undefined,
      blocks: Array.from({ length: count }, (_, i) => readBlock(packet, blocksAt + i * BLOCK_BYTES)),
    });
  } else if (type === BYE) {
    if (packet.length < 4 + 4 * count) return false;
    for (let i = 0; i < count; i++) parsed.byes.push(packet.readUInt32BE(4 + 4 * i));
  } else if (type === SOURCE_DESCRIPTION && packet.length >= 10 && packet[8] === 1) {
    const end = 10 + packet.readUInt8(9);
    if (end <= packet.length) parsed.cname = packet.toString('utf8', 10, end);
  }
  return true;
}

function readBlock(packet: Buffer, at: number): ReportBlock {
  return {
    ssrc: packet.readUInt32BE(at),
    fractionLost: packet.readUInt8(at + 4),
    cumulativeLost: packet.readIntBE(at + 5, 3),
    highestSequence: packet.readUInt32BE(at + 8),
    jitter: packet.readUInt32BE(at + 12),
    lastReport: packet.readUInt32BE(at + 16),
    delaySinceLastReport: packet.readUInt32BE(at + 20),
  };
}
