/** RIFF/WAVE headers: the one that recordings have, and the reading of any other. */
import { SAMPLE_RATE } from './sample-rate.js';

export const WAV_HEADER_BYTES = 44;

/** A canonical header of PCM16 at 8 kHz before `dataBytes` of samples. */
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
  /** Where the samples begin, and how many bytes of them the header claims. */
  dataAt: number;
  dataBytes: number;
}

const PCM = 1;
const A_LAW = 6;
const MU_LAW = 7;
const EXTENSIBLE = 0xfffe;

/** Reads the chunks up to the samples. @throws {Error} that says what is not understood. */
export function parseWavHeader(file: Buffer): WavFormat {
  if (file.length < 12 || file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE')
    throw new Error('not a WAV file');
  let format: Pick<WavFormat, 'encoding' | 'channels' | 'sampleRate'> | undefined;
  for (let at = 12; at + 8 <= file.length;) {
    const id = file.toString('latin1', at, at + 4);
    const bytes = file.readUInt32LE(at + 4);
    if (id === 'fmt ') format = parseFormat(file.subarray(at + 8, at + 8 + bytes));
    if (id === 'data') {
      if (!format) throw new Error('a WAV file without format before its samples');
      return { ...format, dataAt: at + 8, dataBytes: bytes };
    }
    // Chunks begin at even offsets.
    at += 8 + bytes + (bytes % 2);
  }
  throw new Error('a WAV file without samples');
}

function parseFormat(chunk: Buffer): Pick<WavFormat, 'encoding' | 'channels' | 'sampleRate'> {
  if (chunk.length < 16) throw new Error('a WAV file whose format is cut off');
  const tag = chunk.readUInt16LE(0);
  // The extensible form names the same codes at the start of a GUID.
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
