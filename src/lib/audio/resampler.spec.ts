import fc from 'fast-check';
import { resample } from './resampler.js';
import { Resampler } from './resampler.js';

function inPieces(pcm: Int16Array, from: number, to: number, cuts: readonly number[]): number[] {
  const resampler = new Resampler(from, to);
  const at = [0, ...cuts.map((cut) => cut % (pcm.length + 1)).sort((a, b) => a - b), pcm.length];
  const pieces = at.slice(1).map((end, i) => resampler.push(pcm.subarray(at[i], end)));
  return [...pieces, resampler.end()].flatMap((piece) => [...piece]);
}

const sound = fc
  .array(fc.integer({ min: -32_768, max: 32_767 }), { maxLength: 700 })
  .map((samples) => Int16Array.from(samples));
const cuts = fc.array(fc.nat(700), { maxLength: 30 });

describe('streaming resampler', () => {
  it.each([
    [24_000, 8_000],
    [16_000, 8_000],
    [48_000, 8_000],
    [8_000, 8_000],
  ])('from %d Hz to %d Hz gives the samples of the whole, however it is cut', (from, to) => {
    fc.assert(
      fc.property(sound, cuts, (pcm, at) => {
        expect(inPieces(pcm, from, to, at)).toEqual([...resample(pcm, from, to)]);
      }),
    );
  });

  it.each([
    [22_050, 8_000],
    [44_100, 8_000],
    [4_000, 8_000],
    [11_025, 8_000],
  ])('from %d Hz to %d Hz gives the same samples, however it is cut', (from, to) => {
    fc.assert(
      fc.property(sound, cuts, (pcm, at) => {
        const whole = resample(pcm, from, to);
        const pieces = inPieces(pcm, from, to, at);
        expect(pieces).toEqual(inPieces(pcm, from, to, []));
        // The other one counts in fractions: it rounds otherwise here and there.
        expect(pieces).toHaveLength(whole.length);
        for (const [i, sample] of pieces.entries()) expect(Math.abs(sample - (whole[i] ?? 0))).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('holds back no more than 2.2 ms', () => {
    const resampler = new Resampler(24_000, 8_000);
    expect(resampler.push(new Int16Array(480)).length).toBeGreaterThanOrEqual(160 - 18);
    expect(resampler.push(new Int16Array(480))).toHaveLength(160);
  });

  it('keeps no more than it needs', () => {
    const resampler = new Resampler(24_000, 8_000);
    for (let i = 0; i < 1_000; i++) resampler.push(new Int16Array(480));
    expect((resampler as unknown as { kept: Int16Array }).kept.length).toBeLessThan(120);
  });

  it('does not overflow', () => {
    const loud = Int16Array.from({ length: 300 }, (_, i) => (i % 40 < 20 ? 32_767 : -32_768));
    const made = inPieces(loud, 24_000, 8_000, []);
    expect(Math.max(...made)).toBe(32_767);
    expect(Math.min(...made)).toBe(-32_768);
  });
});
