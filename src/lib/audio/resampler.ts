import { concat } from './frames.js';

/** Zero crossings of the sinc on each side: frequencies above the new Nyquist limit are attenuated by about 70 dB. */
const HALF_WIDTH = 16;
/** Leaves room for the slope of the filter below half the sample rate. */
const PASS_BAND = 0.92;
const MAX_KERNELS = 1_000;

/** Converts mono PCM16 to another sample rate by a windowed sinc. Rates are in hertz. */
export function resample(pcm: Int16Array, fromRate: number, toRate: number): Int16Array {
  const resampler = new Resampler(fromRate, toRate);
  return concat([resampler.push(pcm), resampler.end()]);
}

/**
 * Converts a stream of mono PCM16 to another sample rate. The output does not depend on the cuts of the input. From
 * 24 kHz to 8 kHz it lags by 2.2 ms.
 */
export class Resampler {
  /** The ratio in lowest terms: `up` output samples for `down` input samples. */
  private readonly up: number;
  private readonly down: number;
  private readonly cutoff: number;
  private readonly reach: number;
  private readonly kernels = new Map<number, Float64Array>();
  /** Input samples the next output needs, and the position of the first one. The input begins after silence. */
  private kept: Int16Array;
  private keptAt: number;
  /** Output samples so far. */
  private produced = 0;

  /** Hertz. */
  constructor(fromRate: number, toRate: number) {
    const divisor = gcd(fromRate, toRate);
    this.up = toRate / divisor;
    this.down = fromRate / divisor;
    this.cutoff = Math.min(1, toRate / fromRate) * PASS_BAND;
    this.reach = HALF_WIDTH / this.cutoff;
    // Two more than the filter reaches: a read outside the array is slow.
    this.kept = new Int16Array(Math.ceil(this.reach) + 2);
    this.keptAt = -this.kept.length;
  }

  /** @returns the output that later input cannot change */
  push(pcm: Int16Array): Int16Array {
    if (this.up === this.down) return pcm.slice();
    const all = concat([this.kept, pcm]);
    const last = this.keptAt + all.length - 1;
    const until = Math.max(this.produced, Math.floor(((last - this.reach) * this.up) / this.down) + 1);
    const out = this.produce(all, until);
    const needed = Math.max(this.keptAt, Math.ceil((this.produced * this.down) / this.up - this.reach));
    this.kept = all.slice(needed - this.keptAt);
    this.keptAt = needed;
    return out;
  }

  /** @returns the rest of the output; the input ends in silence */
  end(): Int16Array {
    if (this.up === this.down) return new Int16Array(0);
    const length = this.keptAt + this.kept.length;
    const silence = new Int16Array(Math.ceil(this.reach) + 2);
    return this.produce(concat([this.kept, silence]), Math.round((length * this.up) / this.down));
  }

  private produce(samples: Int16Array, until: number): Int16Array {
    const out = new Int16Array(until - this.produced);
    for (let i = 0; i < out.length; i++, this.produced++) {
      const position = this.produced * this.down;
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

  /** Weights with the sum one, for a centre `phase / up` samples after an input sample. */
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
    if (this.kernels.size < MAX_KERNELS) this.kernels.set(phase, scaled);
    return scaled;
  }
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
