/** Zero crossings of the sinc on each side: about 70 dB of what would alias is taken away. */
const HALF_WIDTH = 16;
/** Leaves room for the slope of the filter below half the sample rate. */
const PASS_BAND = 0.92;

/** Mono PCM16 at another sample rate, by a windowed sinc that takes away what the new rate cannot hold. Hertz. */
export function resample(pcm: Int16Array, fromRate: number, toRate: number): Int16Array {
  if (fromRate === toRate) return pcm.slice();
  const out = new Int16Array(Math.round((pcm.length * toRate) / fromRate));
  const step = fromRate / toRate;
  const cutoff = Math.min(1, toRate / fromRate) * PASS_BAND;
  const reach = HALF_WIDTH / cutoff;
  const phases = new Map<number, Float64Array>();
  for (let i = 0; i < out.length; i++) {
    const centre = i * step;
    const first = Math.ceil(centre - reach);
    // Rates of telephony and speech have small ratios: few phases come back again and again.
    const phase = Math.round((centre - Math.floor(centre)) * 1_000_000);
    let taps = phases.get(phase);
    if (!taps) {
      taps = kernel(first - centre, reach, cutoff);
      if (phases.size < 1_000) phases.set(phase, taps);
    }
    let sum = 0;
    for (let k = 0; k < taps.length; k++) sum += (taps[k] ?? 0) * (pcm[first + k] ?? 0);
    out[i] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
  }
  return out;
}

/** The weights of the samples from `from` to `reach` around the centre, adding up to one. */
function kernel(from: number, reach: number, cutoff: number): Float64Array {
  const taps = new Float64Array(Math.floor(reach - from) + 1);
  let total = 0;
  for (let k = 0; k < taps.length; k++) {
    const x = from + k;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * x * cutoff) / (Math.PI * x * cutoff);
    const window = 0.42 + 0.5 * Math.cos((Math.PI * x) / reach) + 0.08 * Math.cos((2 * Math.PI * x) / reach);
    const weight = sinc * window;
    taps[k] = weight;
    total += weight;
  }
  return taps.map((weight) => weight / total);
}
