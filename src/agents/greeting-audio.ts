import { createHash } from 'node:crypto';
import { setImmediate as othersTurn } from 'node:timers/promises';
import { DomainError, messageOf } from '../lib/platform/index.js';
import { parseWav, resample, SAMPLE_RATE } from '../lib/audio/index.js';

const MAX_AUDIO_SECONDS = 120;
/** Sample rates of uploads. Resampling from a rate without a small ratio to 8 kHz takes ten times as long. */
const USUAL_RATES = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
/** Seconds that are resampled at a time. */
const PART_SECONDS = 5;

/** Audio that plays when a call is answered. */
export interface GreetingAudio {
  /** PCM16 at 8 kHz, as bytes. */
  pcm: Buffer;
  /** SHA-256 of the bytes, in hexadecimal. */
  sha256: string;
  durationMs: number;
}

/** Reads an upload. @throws DomainError `validation_error` for a file that is no WAV of at most two minutes */
export async function readGreeting(file: Buffer): Promise<GreetingAudio> {
  const samples = await greetingOf(file);
  const pcm = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  const sha256 = createHash('sha256').update(pcm).digest('hex');
  return { pcm, sha256, durationMs: Math.round((samples.length * 1000) / SAMPLE_RATE) };
}

async function greetingOf(file: Buffer): Promise<Int16Array> {
  const problem = (detail: string) => new DomainError('validation_error', `The audio ${detail}`, { body: detail });
  let audio: ReturnType<typeof parseWav>;
  try {
    audio = parseWav(file);
  } catch (error) {
    throw problem(`cannot be read: ${messageOf(error)}`);
  }
  const { sampleRate, channels } = audio;
  const [left, right] = channels;
  if (!USUAL_RATES.includes(sampleRate)) throw problem(`is at ${sampleRate} Hz; use one of ${USUAL_RATES.join(', ')}`);
  if (left.length > MAX_AUDIO_SECONDS * sampleRate) throw problem(`must last at most ${MAX_AUDIO_SECONDS} seconds`);
  const mono = right ? left.map((sample, i) => (sample + (right[i] ?? 0)) / 2) : left;
  const pcm = await toLineRate(mono, sampleRate);
  if (pcm.length === 0) throw problem('is empty');
  return pcm;
}

/** Resamples in parts, so that calls and other requests run in between. */
async function toLineRate(pcm: Int16Array, rate: number): Promise<Int16Array> {
  const whole = new Int16Array(Math.round((pcm.length * SAMPLE_RATE) / rate));
  for (let second = 0; second * rate < pcm.length; second += PART_SECONDS) {
    // Whole seconds start at a sample of both rates; the filter reaches into the second before and after.
    const before = Math.min(second, 1);
    const part = pcm.subarray((second - before) * rate, (second + PART_SECONDS + 1) * rate);
    const from = before * SAMPLE_RATE;
    const resampled = resample(part, rate, SAMPLE_RATE).subarray(from, from + PART_SECONDS * SAMPLE_RATE);
    whole.set(resampled, second * SAMPLE_RATE);
    await othersTurn();
  }
  return whole;
}

/** PCM16 as samples. A copy: the bytes of a row may start at an odd offset of a shared buffer. */
export const samplesOf = (bytes: Buffer): Int16Array =>
  new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length - (bytes.length % 2)));
