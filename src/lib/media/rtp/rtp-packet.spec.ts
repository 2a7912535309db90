import { isRtcp, parseRtp, rtpHeaderLength, writeRtpHeader } from './rtp-packet.js';

const HEADER = { payloadType: 8, marker: true, sequence: 0xfffe, timestamp: 0xffff_fff0, ssrc: 0xdead_beef };

function packet(first: number, rest: number[] = []): Buffer {
  const bytes = Buffer.alloc(12 + rest.length);
  writeRtpHeader(bytes, HEADER);
  bytes[0] = first;
  bytes.set(rest, 12);
  return bytes;
}

describe('an RTP packet', () => {
  it('is read as it was written', () => {
    expect(parseRtp(packet(0x80, [1, 2, 3]))).toEqual({ ...HEADER, payload: Buffer.of(1, 2, 3) });
  });

  it('may have no payload', () => {
    expect(parseRtp(packet(0x80))?.payload).toHaveLength(0);
  });

  it('may list contributing sources', () => {
    expect(parseRtp(packet(0x82, [0, 0, 0, 1, 0, 0, 0, 2, 9]))?.payload).toEqual(Buffer.of(9));
  });

  it('may be extended', () => {
    expect(parseRtp(packet(0x90, [0xbe, 0xde, 0, 1, 0, 0, 0, 0, 9]))?.payload).toEqual(Buffer.of(9));
  });

  it('may be padded', () => {
    expect(parseRtp(packet(0xa0, [9, 0, 0, 3]))?.payload).toEqual(Buffer.of(9));
  });

  it.each([
    ['an unknown version', packet(0x40, [1])],
    ['a cut header', packet(0x80).subarray(0, 11)],
    ['sources that are cut', packet(0x8f, [1, 2, 3, 4])],
    ['an extension without length', packet(0x90, [0, 0, 0])],
    ['an extension beyond the end', packet(0x90, [0, 0, 0, 2, 0, 0, 0, 0])],
    ['padding of nothing', packet(0xa0, [1, 0])],
    ['more padding than payload', packet(0xa0, [1, 3])],
    ['nothing at all', Buffer.alloc(0)],
  ])('is refused with %s', (_, bytes) => {
    expect(parseRtp(bytes)).toBeUndefined();
  });

  it('tells the length of its header', () => {
    expect(rtpHeaderLength(packet(0x81, [0, 0, 0, 1, 9]))).toBe(16);
  });

  it('is told from RTCP on the same port, whatever its marker', () => {
    expect(isRtcp(packet(0x80))).toBe(false);
    expect(isRtcp(Buffer.of(0x80, 200))).toBe(true);
    expect(isRtcp(Buffer.of(0x80, 0x80 | 101))).toBe(false);
  });
});
