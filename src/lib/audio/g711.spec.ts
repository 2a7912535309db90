import { decodeG711, encodeG711, G711_CODECS } from './g711.js';

describe('G.711', () => {
  it.each([
    ['PCMU', 0x00, -32_124],
    ['PCMU', 0x80, 32_124],
    ['PCMU', 0xff, 0],
    ['PCMU', 0xf0, 120],
    ['PCMA', 0x2a, -32_256],
    ['PCMA', 0xaa, 32_256],
    ['PCMA', 0xd5, 8],
    ['PCMA', 0x55, -8],
  ] as const)('%s byte %d is %d', (codec, byte, sample) => {
    expect(decodeG711(codec, Uint8Array.of(byte))).toEqual(Int16Array.of(sample));
  });

  it.each(['PCMU', 'PCMA'] as const)('%s encodes each decoded byte back to itself', (codec) => {
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const again = encodeG711(codec, decodeG711(codec, bytes));
    // µ-law has two zeros, one of which is written.
    if (codec === 'PCMU') bytes[0x7f] = 0xff;
    expect(again).toEqual(bytes);
  });

  it.each(['PCMU', 'PCMA'] as const)('%s is never off by more than its step', (codec) => {
    for (let sample = -32_768; sample < 32_768; sample++) {
      const [heard = 0] = decodeG711(codec, encodeG711(codec, Int16Array.of(sample)));
      // A segment has 16 steps; above the clipping level of µ-law the error is what is clipped.
      const allowed = Math.max(16, Math.abs(sample) / 16) + (Math.abs(sample) > 32_635 ? 200 : 0);
      if (Math.abs(heard - sample) > allowed) throw new Error(`${sample} is heard as ${heard}`);
    }
  });

  it('knows the byte of silence', () => {
    expect(G711_CODECS.PCMU.silence).toBe(0xff);
    expect(G711_CODECS.PCMA.silence).toBe(0xd5);
  });
});
