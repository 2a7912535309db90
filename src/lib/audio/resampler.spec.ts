import fc from 'fast-check';
import { Resampler, resample } from './resampler.js';

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

/** The definition of the filter, sample by sample: a sinc of 16 zero crossings per side in a Blackman window. */
function windowedSinc(pcm: Int16Array, from: number, to: number): number[] {
  const cutoff = Math.min(1, to / from) * 0.92;
  const reach = 16 / cutoff;
  return Array.from({ length: Math.round((pcm.length * to) / from) }, (_, i) => {
    const centre = (i * from) / to;
    let [sum, total] = [0, 0];
    for (let n = Math.ceil(centre - reach - 1e-9); n <= centre + reach + 1e-9; n++) {
      const x = n - centre;
      const sinc = Math.abs(x) < 1e-12 ? 1 : Math.sin(Math.PI * x * cutoff) / (Math.PI * x * cutoff);
      const angle = (Math.PI * x) / reach;
      const weight = sinc * (0.42 + 0.5 * Math.cos(angle) + 0.08 * Math.cos(2 * angle));
      sum += weight * (pcm[n] ?? 0);
      total += weight;
    }
    return Math.max(-32_768, Math.min(32_767, sum / total));
  });
}

describe('Resampler', () => {
  describe.each([
    [24_000, 8_000],
    [16_000, 8_000],
    [48_000, 8_000],
    [22_050, 8_000],
    [44_100, 8_000],
    [4_000, 8_000],
    [11_025, 8_000],
  ])('from %d Hz to %d Hz', (from, to) => {
    it('filters with a windowed sinc', () => {
      fc.assert(
        fc.property(sound, (pcm) => {
          const out = resample(pcm, from, to);
          const expected = windowedSinc(pcm, from, to);
          expect(out).toHaveLength(expected.length);
          for (const [i, sample] of out.entries()) expect(Math.abs(sample - (expected[i] ?? 0))).toBeLessThanOrEqual(1);
        }),
      );
    });

    it('gives the same samples for all cuts of the input', () => {
      fc.assert(
        fc.property(sound, cuts, (pcm, at) => {
          expect(inPieces(pcm, from, to, at)).toEqual([...resample(pcm, from, to)]);
        }),
      );
    });
  });

  it('copies audio of the same rate', () => {
    const pcm = Int16Array.of(1, -2, 32_767);
    expect([...resample(pcm, 8_000, 8_000)]).toEqual([...pcm]);
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
