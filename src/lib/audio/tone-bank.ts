import { SAMPLE_RATE } from './frames.js';

/**
 * Measures the energy of audio at given frequencies by correlation with sines. The sums and differences around the middle
 * of the audio halve the multiplications. This runs for every frame of a line; Goertzel's recursion, whose steps depend on
 * each other, took six times as long.
 */
export class ToneBank {
  private readonly half: number;
  private readonly cosines: Float64Array;
  private readonly sines: Float64Array;
  private readonly sums: Float64Array;
  private readonly differences: Float64Array;
  private readonly found: Float64Array;

  /** `length`: length of the audio in samples, an even number. */
  constructor(
    readonly hz: readonly number[],
    private readonly length: number,
  ) {
    this.half = length / 2;
    this.cosines = new Float64Array(hz.length * this.half);
    this.sines = new Float64Array(hz.length * this.half);
    this.sums = new Float64Array(this.half);
    this.differences = new Float64Array(this.half);
    this.found = new Float64Array(hz.length);
    for (const [tone, each] of hz.entries())
      for (let i = 0; i < this.half; i++) {
        const angle = (2 * Math.PI * each * (i + 0.5)) / SAMPLE_RATE;
        this.cosines[tone * this.half + i] = Math.cos(angle);
        this.sines[tone * this.half + i] = Math.sin(angle);
      }
  }

  /** The energy per frequency, in the unit of `energy`; a pure tone has all of it. The next call overwrites the array. */
  energies(samples: Int16Array): Float64Array {
    const { half, sums, differences, cosines, sines, found } = this;
    for (let i = 0; i < half; i++) {
      const after = samples[half + i] ?? 0;
      const before = samples[half - 1 - i] ?? 0;
      sums[i] = after + before;
      differences[i] = after - before;
    }
    for (let tone = 0; tone < found.length; tone++) {
      const at = tone * half;
      let even = 0;
      let odd = 0;
      for (let i = 0; i < half; i++) {
        even += (sums[i] ?? 0) * (cosines[at + i] ?? 0);
        odd += (differences[i] ?? 0) * (sines[at + i] ?? 0);
      }
      found[tone] = (2 * (even * even + odd * odd)) / this.length;
    }
    return found;
  }
}
