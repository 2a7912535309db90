/** WAV files (RIFF/WAVE): reads PCM16 and G.711 in mono and stereo, writes PCM16 at 8 kHz. */
import { open, readFile, writeFile } from 'node:fs/promises';
import { SAMPLE_RATE } from './frames.js';
import { decodeG711 } from './g711.js';
import { resample } from './resampler.js';

export const WAV_HEADER_BYTES = 44;

/** Header of a WAV file with `dataBytes` of PCM16 at 8 kHz. */
export function wavHeader(dataBytes: number, channels: 1 | 2): Buffer {
  const header = Buffer.alloc(WAV_HEADER_BYTES);
  const frameBytes = channels * 2;
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(WAV_HEADER_BYTES - 8 + dataBytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE * frameBytes, 28);
  header.writeUInt16LE(frameBytes, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(dataBytes, 40);
  return header;
}

export interface WavFormat {
  encoding: 'pcm16' | 'PCMU' | 'PCMA';
  channels: 1 | 2;
  sampleRate: number;
  /** Offset of the samples, and their bytes according to the header. */
  dataAt: number;
  dataBytes: number;
}

const PCM = 1;
const A_LAW = 6;
const MU_LAW = 7;
const EXTENSIBLE = 0xfffe;

/** Reads the chunks before the samples. @throws {Error} whose message names the unsupported part */
export function parseWavHeader(file: Buffer): WavFormat {
  if (file.length < 12 || file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE')
    throw new Error('not a WAV file');
  let format: Pick<WavFormat, 'encoding' | 'channels' | 'sampleRate'> | undefined;
  for (let at = 12; at + 8 <= file.length;) {
    const id = file.toString('latin1', at, at + 4);
    const bytes = file.readUInt32LE(at + 4);
    if (id === 'fmt ') format = parseFormat(file.subarray(at + 8, at + 8 + bytes));
    if (id === 'data') {
      if (!format) throw new Error('a WAV file without a format chunk before its samples');
      return { ...format, dataAt: at + 8, dataBytes: bytes };
    }
    // Chunks begin at even offsets.
    at += 8 + bytes + (bytes % 2);
  }
  throw new Error('a WAV file without samples');
}

function parseFormat(chunk: Buffer): Pick<WavFormat, 'encoding' | 'channels' | 'sampleRate'> {
  if (chunk.length < 16) throw new Error('a WAV file with an incomplete format chunk');
  const tag = chunk.readUInt16LE(0);
  // The extensible format has the same codes in the first bytes of its GUID.
  const code = tag === EXTENSIBLE && chunk.length >= 26 ? chunk.readUInt16LE(24) : tag;
  const channels = chunk.readUInt16LE(2);
  const sampleRate = chunk.readUInt32LE(4);
  const bits = chunk.readUInt16LE(14);
  if (channels !== 1 && channels !== 2) throw new Error(`a WAV file with ${channels} channels; 1 and 2 can be read`);
  if (sampleRate < 4_000 || sampleRate > 192_000) throw new Error(`a WAV file at ${sampleRate} Hz`);
  const encodings = new Map<string, WavFormat['encoding']>([
    [`${PCM}/16`, 'pcm16'],
    [`${MU_LAW}/8`, 'PCMU'],
    [`${A_LAW}/8`, 'PCMA'],
  ]);
  const encoding = encodings.get(`${code}/${bits}`);
  if (!encoding)
    throw new Error(`a WAV file of format ${code} with ${bits} bits; PCM of 16 bits and G.711 can be read`);
  return { encoding, channels, sampleRate };
}

/** The samples of a WAV file, one array per channel. */
export interface WavAudio {
  sampleRate: number;
  channels: [Int16Array] | [Int16Array, Int16Array];
}

/** Reads PCM16, µ-law and A-law, mono and stereo, at any rate. @throws {Error} whose message names the unsupported part */
export function parseWav(file: Buffer): WavAudio {
  const format = parseWavHeader(file);
  // The header of a cut file has more bytes than the file; the header of an unfinished file has zero.
  const dataBytes = format.dataBytes === 0 ? Infinity : format.dataBytes;
  const samples = decode(
    file.subarray(format.dataAt, Math.min(file.length, format.dataAt + dataBytes)),
    format.encoding,
  );
  if (format.channels === 1) return { sampleRate: format.sampleRate, channels: [samples] };
  const pick = (channel: 0 | 1): Int16Array =>
    Int16Array.from({ length: Math.floor(samples.length / 2) }, (_, i) => samples[2 * i + channel] ?? 0);
  return { sampleRate: format.sampleRate, channels: [pick(0), pick(1)] };
}

function decode(bytes: Buffer, encoding: WavFormat['encoding']): Int16Array {
  if (encoding !== 'pcm16') return decodeG711(encoding, bytes);
  return Int16Array.from({ length: Math.floor(bytes.length / 2) }, (_, i) => bytes.readInt16LE(2 * i));
}

/** Reads a WAV file as mono PCM16 at 8 kHz. @throws {Error} whose message names the unsupported part */
export async function readWav(path: string): Promise<Int16Array> {
  const { sampleRate, channels } = parseWav(await readFile(path));
  const [left, right] = channels;
  const mono = right ? left.map((sample, i) => (sample + (right[i] ?? 0)) / 2) : left;
  return resample(mono, sampleRate, SAMPLE_RATE);
}

/** Writes PCM16 at 8 kHz: mono, or stereo with channels of the same length. */
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
 * Repairs a recording whose process was killed: removes an incomplete frame and writes the size into the header. A
 * complete file stays unchanged. @returns the length in milliseconds
 * @throws {Error} for another format than that of recordings
 */
export async function repairWav(path: string): Promise<number> {
  const file = await open(path, 'r+');
  try {
    const head = Buffer.alloc(WAV_HEADER_BYTES);
    const { bytesRead } = await file.read(head, 0, WAV_HEADER_BYTES, 0);
    const format = parseWavHeader(head.subarray(0, bytesRead));
    if (format.encoding !== 'pcm16' || format.sampleRate !== SAMPLE_RATE || format.dataAt !== WAV_HEADER_BYTES)
      throw new Error('not a recording of this software');
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
