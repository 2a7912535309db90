import { open, readFile, writeFile } from 'node:fs/promises';
import { SAMPLE_RATE } from './sample-rate.js';
import { decodeG711 } from './g711.js';
import { resample } from './resample.js';
import { parseWavHeader, WAV_HEADER_BYTES, wavHeader, type WavFormat } from './wav-header.js';

/** The samples of a WAV file, a channel each. */
export interface WavAudio {
  sampleRate: number;
  channels: [Int16Array] | [Int16Array, Int16Array];
}

/** Understands PCM16, µ-law and A-law, mono and stereo, at any rate. @throws {Error} that says what it is instead. */
export function parseWav(file: Buffer): WavAudio {
  const format = parseWavHeader(file);
  // A recording that was cut off claims more than there is, one that was never closed claims nothing.
  const claimed = format.dataBytes === 0 ? Infinity : format.dataBytes;
  const samples = decode(file.subarray(format.dataAt, Math.min(file.length, format.dataAt + claimed)), format.encoding);
  if (format.channels === 1) return { sampleRate: format.sampleRate, channels: [samples] };
  const pick = (channel: 0 | 1): Int16Array =>
    Int16Array.from({ length: Math.floor(samples.length / 2) }, (_, i) => samples[2 * i + channel] ?? 0);
  return { sampleRate: format.sampleRate, channels: [pick(0), pick(1)] };
}

function decode(bytes: Buffer, encoding: WavFormat['encoding']): Int16Array {
  if (encoding !== 'pcm16') return decodeG711(encoding, bytes);
  return Int16Array.from({ length: Math.floor(bytes.length / 2) }, (_, i) => bytes.readInt16LE(2 * i));
}

/** The audio of a WAV file as mono PCM16 at 8 kHz. @throws {Error} that says what it cannot read. */
export async function readWav(path: string): Promise<Int16Array> {
  const { sampleRate, channels } = parseWav(await readFile(path));
  const [left, right] = channels;
  const mono = right ? left.map((sample, i) => (sample + (right[i] ?? 0)) / 2) : left;
  return resample(mono, sampleRate, SAMPLE_RATE);
}

/** Writes PCM16 at 8 kHz: mono, or left and right of the same length. */
export async function writeWav(path: string, left: Int16Array, right?: Int16Array): Promise<void> {
  const channels = right ? 2 : 1;
  const data = Buffer.alloc(left.length * 2 * channels);
  for (let i = 0; i < left.length; i++) {
    data.writeInt16LE(left[i] ?? 0, i * 2 * channels);
    if (right) data.writeInt16LE(right[i] ?? 0, i * 4 + 2);
  }
  await writeFile(path, Buffer.concat([wavHeader(data.length, channels), data]), { mode: 0o600 });
}

/**
 * Makes a recording whole whose process was killed: drops the samples of a torn frame and writes the true size into the
 * header. Returns the milliseconds in it. A whole one stays as it is. @throws {Error} when it is no recording of ours.
 */
export async function repairWav(path: string): Promise<number> {
  const file = await open(path, 'r+');
  try {
    const head = Buffer.alloc(WAV_HEADER_BYTES);
    const { bytesRead } = await file.read(head, 0, WAV_HEADER_BYTES, 0);
    const format = parseWavHeader(head.subarray(0, bytesRead));
    if (format.encoding !== 'pcm16' || format.sampleRate !== SAMPLE_RATE || format.dataAt !== WAV_HEADER_BYTES)
      throw new Error('not a recording of ours');
    const frameBytes = 2 * format.channels;
    const { size } = await file.stat();
    const frames = Math.floor((size - WAV_HEADER_BYTES) / frameBytes);
    const dataBytes = frames * frameBytes;
    if (size !== WAV_HEADER_BYTES + dataBytes) await file.truncate(WAV_HEADER_BYTES + dataBytes);
    if (format.dataBytes !== dataBytes) await file.write(wavHeader(dataBytes, format.channels), 0, WAV_HEADER_BYTES, 0);
    return Math.floor((frames * 1_000) / SAMPLE_RATE);
  } finally {
    await file.close();
  }
}
