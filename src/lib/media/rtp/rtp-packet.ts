/** The fields of an RTP packet that a receiver needs (RFC 3550 section 5.1). The payload stays where it is. */
export interface RtpPacket {
  payloadType: number;
  marker: boolean;
  sequence: number;
  timestamp: number;
  ssrc: number;
  payload: Buffer;
}

export const RTP_HEADER_BYTES = 12;

/** Bytes of the header with its CSRC list and extension; undefined when that is no RTP of version 2. */
export function rtpHeaderLength(packet: Buffer): number | undefined {
  if (packet.length < RTP_HEADER_BYTES) return undefined;
  const first = packet.readUInt8(0);
  if (first >> 6 !== 2) return undefined;
  let length = RTP_HEADER_BYTES + 4 * (first & 0x0f);
  if (first & 0x10) {
    if (packet.length < length + 4) return undefined;
    length += 4 + 4 * packet.readUInt16BE(length + 2);
  }
  return length <= packet.length ? length : undefined;
}

/** Undefined for whatever is not a well-formed packet: lengths that point outside of it, impossible padding. */
export function parseRtp(packet: Buffer): RtpPacket | undefined {
  const start = rtpHeaderLength(packet);
  if (start === undefined) return undefined;
  let end = packet.length;
  if (packet.readUInt8(0) & 0x20) {
    const padding = packet.readUInt8(packet.length - 1);
    end -= padding;
    if (padding === 0 || end < start) return undefined;
  }
  const second = packet.readUInt8(1);
  return {
    payloadType: second & 0x7f,
    marker: (second & 0x80) !== 0,
    sequence: packet.readUInt16BE(2),
    timestamp: packet.readUInt32BE(4),
    ssrc: packet.readUInt32BE(8),
    payload: packet.subarray(start, end),
  };
}

/** Writes the twelve bytes of a header into `packet`: the sender reuses its buffers. */
export function writeRtpHeader(
  packet: Buffer,
  header: { payloadType: number; marker: boolean; sequence: number; timestamp: number; ssrc: number },
): void {
  packet[0] = 0x80;
  packet[1] = header.payloadType | (header.marker ? 0x80 : 0);
  packet.writeUInt16BE(header.sequence, 2);
  packet.writeUInt32BE(header.timestamp, 4);
  packet.writeUInt32BE(header.ssrc, 8);
}

/** Tells RTCP from RTP where both arrive on one port (RFC 5761 section 4). */
export function isRtcp(packet: Buffer): boolean {
  const type = packet[1] ?? 0;
  return type >= 192 && type <= 223;
}
