/** As in `platform/audio/resample.ts`: zero crossings of the sinc on each side, and the share that passes. */
const HALF_WIDTH = 16;
const PASS_BAND = 0.92;

/**
 * Mono PCM16 at another sample rate, as it comes: however it is cut, the samples are those of `resample` for the whole.
 * From 24 kHz to 8 kHz it lags by 2.2 ms.
 */
export class StreamingResampler {
  /** Of the ratio in lowest terms: `up` samples out for `down` samples in. */
  private readonly up: number;
  private readonly down: number;
  private readonly cutoff: number;
  private readonly reach: number;
  private readonly kernels = new Map<number, Float64Array>();
  /** Samples that are still needed, and the position of the first of them: before the beginning there is silence. */
  private kept: Int16Array;
  private keptAt: number;
  private made = 0;

  /** Hertz. */
  constructor(fromRate: number, toRate: number) {
    const divisor = gcd(fromRate, toRate);
    this.up = toRate / divisor;
    this.down = fromRate / divisor;
    this.cutoff = Math.min(1, toRate / fromRate) * PASS_BAND;
    this.reach = HALF_WIDTH / this.cutoff;
    // Two more than is reached, so that nothing is ever read from outside, which is slow.
    this.kept = new Int16Array(Math.ceil(this.reach) + 2);
    this.keptAt = -this.kept.length;
  }

  /** @returns what is certain by now */
  push(pcm: Int16Array): Int16Array {
    if (this.up === this.down) return pcm.slice();
    const all = joined(this.kept, pcm);
    const last = this.keptAt + all.length - 1;
    const until = Math.max(this.made, Math.floor(((last - this.reach) * this.up) / this.down) + 1);
    const out = this.make(all, until);
    const needed = Math.max(this.keptAt, Math.ceil((this.made * this.down) / this.up - this.reach));
    this.kept = all.slice(needed - this.keptAt);
    this.keptAt = needed;
    return out;
  }

  /** @returns the rest: after the end there is silence */
  end(): Int16Array {
    if (this.up === this.down) return new Int16Array(0);
    const length = this.keptAt + this.kept.length;
    const silence = new Int16Array(Math.ceil(this.reach) + 2);
    return this.make(joined(this.kept, silence), Math.round((length * this.up) / this.down));
  }

  private make(samples: Int16Array, until: number): Int16Array {
    const out = new Int16Array(until - this.made);
    for (let i = 0; i < out.length; i++, this.made++) {
      const position = this.made * this.down;
      const phase = position % this.up;
      const centre = (position - phase) / this.up;
      const first = Math.ceil(phase / this.up - this.reach);
      const taps = this.kernel(phase, first);
      const from = centre + first - this.keptAt;
      let sum = 0;
      for (let k = 0; k < taps.length; k++) sum += (taps[k] ?? 0) * (samples[from + k] ?? 0);
      out[i] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
    }
    return out;
  }

  /** Weights that add up to one, for a centre `phase / up` samples after a sample. */
  private kernel(phase: number, first: number): Float64Array {
    const known = this.kernels.get(phase);
    if (known) return known;
    const from = first - phase / this.up;
    const taps = new Float64Array(Math.floor(this.reach - from) + 1);
    for (let k = 0; k < taps.length; k++) {
      const x = from + k;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x * this.cutoff) / (Math.PI * x * this.cutoff);
      const turn = (Math.PI * x) / this.reach;
      taps[k] = sinc * (0.42 + 0.5 * Math.cos(turn) + 0.08 * Math.cos(2 * turn));
    }
    const total = taps.reduce((sum, weight) => sum + weight, 0);
    const scaled = taps.map((weight) => weight / total);
    if (this.kernels.size < 1_000) this.kernels.set(phase, scaled);
    return scaled;
  }
}

function joined(first: Int16Array, second: Int16Array): Int16Array {
  const all = new Int16Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
