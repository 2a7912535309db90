/** Everything here is PCM16 at 8 kHz. */
const RATE = 8_000;

export const samplesOf = (seconds: number): number => Math.round(seconds * RATE);

export const silence = (seconds: number): Int16Array => new Int16Array(samplesOf(seconds));

export function joined(...parts: readonly Int16Array[]): Int16Array {
  const all = new Int16Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A beep as answering machines have it: a pure tone of 1 kHz. */
export const beep = (seconds = 0.4): Int16Array =>
  Int16Array.from({ length: samplesOf(seconds) }, (_, i) =>
    Math.round(9_000 * Math.sin((2 * Math.PI * 1_000 * i) / RATE)),
  );

/**
 * What looks like speech to whoever looks at loudness and spectrum, and like nothing else to whoever correlates: four
 * syllables a second, each a glide of harmonics with noise in it, of which none is loud enough to be taken for a tone.
 * The same seed gives the same words.
 */
export function speech(seconds: number, seed: number): Int16Array {
  const random = noise(seed);
  const length = samplesOf(seconds);
  const pcm = new Int16Array(length);
  const syllable = samplesOf(0.25);
  for (let from = 0; from < length; from += syllable) {
    const [start, glide, breath] = [90 + 70 * random(), 0.7 + 0.6 * random(), 0.3 + 0.5 * random()];
    const size = Math.min(syllable, length - from);
    let phase = 0;
    for (let i = 0; i < size; i++) {
      const part = i / size;
      phase += (2 * Math.PI * start * (1 + (glide - 1) * part)) / RATE;
      let voice = 0;
      for (let harmonic = 1; harmonic <= 12; harmonic++)
        voice += Math.sin(harmonic * phase + harmonic * harmonic) / Math.sqrt(harmonic);
      const loudness = Math.sin(Math.PI * part) ** 0.5;
      pcm[from + i] = Math.round(4_000 * loudness * (voice + breath * (2 * random() - 1)));
    }
  }
  return pcm;
}

/** Numbers from 0 to 1 (mulberry32). */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Found {
  /** Sample from which it is there. */
  at: number;
  /** Normalized cross-correlation there, 1 for the same sound. */
  correlation: number;
  /** How often it was held up or hurried on in between, as jitter buffers do. */
  slips: number;
}

/** Samples of the part that is looked for first, and how many such parts are tried. */
const PROBE = 800;
const PROBES = 4;
const CERTAIN = 0.98;
/** Jitter buffers slip by units of 10 ms, and this many of them at most. */
const UNIT = 80;
const MAX_UNITS = 30;
/** What is aligned as a whole. */
const BLOCK = 16;

/**
 * Where a sound is in a recording, and how much the recording is like it there. On a busy machine packets come late:
 * the rest of the sound is heard a little later then, which is looked for as well, and told.
 */
export function find(sound: Int16Array, recording: Int16Array): Found {
  const from = startOf(sound, recording);
  const blocks = Math.floor(sound.length / BLOCK);
  const path = align(sound, recording, from, blocks);
  const heard = new Int16Array(blocks * BLOCK);
  for (let i = 0; i < heard.length; i++) heard[i] = recording[from + (path[Math.floor(i / BLOCK)] ?? 0) + i] ?? 0;
  const slips = path.filter((shift, block) => block > 0 && shift !== path[block - 1]).length;
  return { at: from + (path[0] ?? 0), correlation: correlate(sound.subarray(0, heard.length), heard), slips };
}

/** Where the sound begins, as the part of it says that is found best. */
function startOf(sound: Int16Array, recording: Int16Array): number {
  let best = { at: 0, correlation: -1 };
  for (let part = 0; part < PROBES && best.correlation < CERTAIN; part++) {
    const start = Math.floor((part * (sound.length - PROBE)) / PROBES);
    const probe = sound.subarray(start, start + PROBE);
    for (let at = 0; at + PROBE <= recording.length; at++) {
      const correlation = correlate(probe, recording.subarray(at, at + PROBE));
      if (correlation > best.correlation) best = { at: at - start, correlation };
    }
  }
  return best.at;
}

/** The shift of each block with which the whole differs least; another shift costs as much as 40 blocks of silence. */
function align(sound: Int16Array, recording: Int16Array, from: number, blocks: number): number[] {
  const shifts = Array.from({ length: 2 * MAX_UNITS + 1 }, (_, i) => (i - MAX_UNITS) * UNIT);
  const slip = 40 * (sound.reduce((sum, sample) => sum + sample * sample, 0) / blocks);
  let costs = shifts.map(() => 0);
  const cameFrom: Uint8Array[] = [];
  for (let block = 0; block < blocks; block++) {
    const cheapest = costs.indexOf(Math.min(...costs));
    const before = new Uint8Array(shifts.length);
    costs = shifts.map((shift, s) => {
      const [stay, change] = [costs[s] ?? 0, (costs[cheapest] ?? 0) + slip];
      before[s] = stay <= change ? s : cheapest;
      return Math.min(stay, change) + difference(sound, recording, block * BLOCK, from + shift);
    });
    cameFrom.push(before);
  }
  let at = costs.indexOf(Math.min(...costs));
  const path: number[] = [];
  for (let block = blocks - 1; block >= 0; block--) {
    path.unshift(shifts[at] ?? 0);
    at = cameFrom[block]?.[at] ?? at;
  }
  return path;
}

function difference(sound: Int16Array, recording: Int16Array, at: number, shift: number): number {
  let sum = 0;
  for (let i = at; i < at + BLOCK; i++) sum += ((sound[i] ?? 0) - (recording[shift + i] ?? 0)) ** 2;
  return sum;
}

/** Of two sounds of one length. */
function correlate(a: Int16Array, b: Int16Array): number {
  let [product, ours, theirs] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const x = a[i] ?? 0;
    const y = b[i] ?? 0;
    product += x * y;
    ours += x * x;
    theirs += y * y;
  }
  return product / Math.sqrt(ours * theirs || 1);
}
