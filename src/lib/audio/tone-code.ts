/**
 * Codes text as audio about as long as speech: 60 ms per byte of UTF-8, with one tone for each half of the byte. The code
 * survives G.711, silence around it and a cut at the end; no detector of beeps or DTMF accepts its tones.
 */
import { SAMPLE_RATE } from './frames.js';

/** Samples per byte. */
export const SYMBOL = 480;
/** Hertz: low half 300 to 1050, high half 1750 to 3250. Their distances are whole periods per symbol. */
const LOW = Array.from({ length: 16 }, (_, i) => 300 + 50 * i);
const HIGH = Array.from({ length: 16 }, (_, i) => 1_750 + 100 * i);
const AMPLITUDE = 7_000;
/** Length of the fade at both ends of a symbol, in samples; it prevents clicks. */
const EDGE = 40;
/** Marks the start of the code. No character of UTF-8 starts with these bytes. */
const PREAMBLE: readonly number[] = [0xf8, 0xff];
/** The share of the power that must be in the two tones. */
const PURE = 0.5;
const STEP = 20;

/** Audio per byte, filled on first use. */
const sounds = new Map<number, Int16Array>();

export function encodeTones(text: string): Int16Array {
  const bytes = [...PREAMBLE, ...Buffer.from(text)];
  const pcm = new Int16Array(bytes.length * SYMBOL);
  bytes.forEach((byte, at) => {
    const sound = sounds.get(byte) ?? soundOf(byte);
    sounds.set(byte, sound);
    pcm.set(sound, at * SYMBOL);
  });
  return pcm;
}

function soundOf(byte: number): Int16Array {
  const [low, high] = [LOW[byte & 15] ?? 0, HIGH[byte >> 4] ?? 0];
  return Int16Array.from({ length: SYMBOL }, (_, i) => {
    const loudness = Math.min(1, (i + 1) / EDGE, (SYMBOL - i) / EDGE) * AMPLITUDE;
    const time = (2 * Math.PI * i) / SAMPLE_RATE;
    return Math.round(loudness * (Math.sin(low * time) + Math.sin(high * time)));
  });
}

/** Decodes the text in the audio; empty for other audio. A space joins several texts in a row. */
export function decodeTones(pcm: Int16Array): string {
  const texts: string[] = [];
  let at = 0;
  while ((at = findPreamble(pcm, at)) >= 0) {
    const bytes: number[] = [];
    at += PREAMBLE.length * SYMBOL;
    // The beginning is known to a step: the end may seem to be as far beyond.
    for (; at + SYMBOL <= pcm.length + STEP; at += SYMBOL) {
      const { byte, purity } = symbolAt(pcm, at);
      if (purity < PURE || byte === PREAMBLE[0]) break;
      bytes.push(byte);
    }
    // An incomplete last character is dropped.
    texts.push(new TextDecoder().decode(Uint8Array.from(bytes)).replaceAll('\ufffd', ''));
  }
  return texts.filter(Boolean).join(' ');
}

/** Where it fits best, not merely where it first fits. */
function findPreamble(pcm: Int16Array, from: number): number {
  let best = { at: -1, purity: PURE };
  const last = pcm.length - PREAMBLE.length * SYMBOL;
  for (let at = from; at <= last; at += STEP) {
    const purity = preamblePurity(pcm, at);
    if (purity > best.purity) best = { at, purity };
    else if (best.at >= 0 && at - best.at > SYMBOL) break;
  }
  return best.at;
}

function preamblePurity(pcm: Int16Array, at: number): number {
  let least = 1;
  for (const [i, byte] of PREAMBLE.entries()) {
    const from = at + i * SYMBOL;
    const energy = energyOf(pcm, from);
    const tones = power(pcm, from, LOW[byte & 15] ?? 0) + power(pcm, from, HIGH[byte >> 4] ?? 0);
    least = Math.min(least, energy === 0 ? 0 : tones / energy);
    if (least < PURE) return 0;
  }
  return least;
}

function symbolAt(pcm: Int16Array, at: number): { byte: number; purity: number } {
  const [low, high] = [strongest(pcm, at, LOW), strongest(pcm, at, HIGH)];
  const energy = energyOf(pcm, at);
  return { byte: (high.index << 4) | low.index, purity: energy === 0 ? 0 : (low.power + high.power) / energy };
}

function strongest(pcm: Int16Array, at: number, tones: readonly number[]): { index: number; power: number } {
  const powers = tones.map((hz) => power(pcm, at, hz));
  const most = Math.max(...powers);
  return { index: powers.indexOf(most), power: most };
}

function energyOf(pcm: Int16Array, at: number): number {
  let energy = 0;
  for (let i = at; i < at + SYMBOL; i++) energy += (pcm[i] ?? 0) ** 2;
  // What G.711 makes of silence is silence.
  return energy > SYMBOL * 100 ** 2 ? energy : 0;
}

/** The energy of one tone in a symbol, by Goertzel. */
function power(pcm: Int16Array, at: number, hz: number): number {
  const turn = 2 * Math.cos((2 * Math.PI * hz) / SAMPLE_RATE);
  let [before, last] = [0, 0];
  for (let i = at; i < at + SYMBOL; i++) [before, last] = [last, (pcm[i] ?? 0) + turn * last - before];
  return ((before * before + last * last - turn * before * last) * 2) / SYMBOL;
}
