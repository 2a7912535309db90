/** Recognizes sounds that were heard before: through G.711, with noise, silence around them, or a part missing. */
const HOP = 80;
const WINDOW = 160;
/** Three frequencies for each band, so that it matters little where the harmonics of a voice are. */
const BANDS = [250, 450, 700, 1_000, 1_350, 1_800, 2_350, 3_000].map((hz) => [hz - 60, hz, hz + 60]);
/** Power that counts as silence. */
const FLOOR = 1e8;
/** The share of the known sound that must be there. */
const OVERLAP = 0.6;
/** Of the frames that are compared at first. */
const SPARSE = 4;
/** Logarithms above silence, all bands together, from which a frame is loud. */
const LOUD = 4;

/** The loudness of each band in each frame; bands of a frame in a row. */
export type Fingerprint = Float32Array;

/** @param pcm at 8 kHz */
export function fingerprint(pcm: Int16Array): Fingerprint {
  const frames = Math.max(0, Math.floor((pcm.length - WINDOW) / HOP) + 1);
  const print = new Float32Array(frames * BANDS.length);
  for (const [band, tones] of BANDS.entries()) {
    for (let frame = 0; frame < frames; frame++) {
      const power = tones.reduce((all, hz) => all + powerOf(pcm, frame * HOP, hz), FLOOR);
      print[frame * BANDS.length + band] = Math.log(power);
    }
  }
  return print;
}

const HANN = Float64Array.from({ length: WINDOW }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW));

/** Of one tone in a window, by Goertzel. */
function powerOf(pcm: Int16Array, at: number, hz: number): number {
  const turn = 2 * Math.cos((2 * Math.PI * hz) / 8_000);
  let [before, last] = [0, 0];
  for (let i = 0; i < WINDOW; i++) {
    const next = HANN[i]! * pcm[at + i]! + turn * last - before;
    before = last;
    last = next;
  }
  return before * before + last * last - turn * before * last;
}

/** How much a sound is like a known one, wherever that begins in it: 1 for the same and nothing else but silence. */
export function likeness(known: Fingerprint, heard: Fingerprint): number {
  const [k, h] = [known.length / BANDS.length, heard.length / BANDS.length];
  const least = Math.ceil(k * OVERLAP);
  if (k === 0 || h < least) return 0;
  let best = { lag: 0, score: -1 };
  for (let lag = least - k; lag <= h - least; lag++) {
    const score = correlate(known, heard, lag, SPARSE);
    if (score > best.score) best = { lag, score };
  }
  const all = loudFrames(heard, 0, h);
  const explained = loudFrames(heard, Math.max(0, best.lag), Math.min(h, best.lag + k));
  return (correlate(known, heard, best.lag, 1) * explained) / (all || 1);
}

function loudFrames(print: Fingerprint, from: number, to: number): number {
  let count = 0;
  for (let frame = from; frame < to; frame++) {
    let sum = 0;
    for (let band = 0; band < BANDS.length; band++) sum += print[frame * BANDS.length + band]! - Math.log(FLOOR);
    if (sum > LOUD) count++;
  }
  return count;
}

/** Pearson's correlation from `lag` on, where there are both: each band around its own average there. */
function correlate(known: Fingerprint, heard: Fingerprint, lag: number, step: number): number {
  const [from, to] = [Math.max(0, -lag), Math.min(known.length / BANDS.length, heard.length / BANDS.length - lag)];
  let [together, ours, theirs] = [0, 0, 0];
  for (let band = 0; band < BANDS.length; band++) {
    let [n, a, b, aa, bb, ab] = [0, 0, 0, 0, 0, 0];
    for (let frame = from; frame < to; frame += step) {
      const x = known[frame * BANDS.length + band]!;
      const y = heard[(frame + lag) * BANDS.length + band]!;
      n++;
      a += x;
      b += y;
      aa += x * x;
      bb += y * y;
      ab += x * y;
    }
    together += ab - (a * b) / n;
    ours += aa - (a * a) / n;
    theirs += bb - (b * b) / n;
  }
  return together / Math.sqrt(ours * theirs || 1);
}
