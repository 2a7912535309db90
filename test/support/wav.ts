/** The format codes of WAV files. */
const CODES = { pcm16: 1, alaw: 6, ulaw: 7, float32: 3 } as const;
export type WavEncoding = keyof typeof CODES;

const BYTES: Readonly<Record<WavEncoding, number>> = { pcm16: 2, alaw: 1, ulaw: 1, float32: 4 };

export interface WavForm {
  encoding?: WavEncoding;
  channels?: number;
  rate?: number;
  /** The size that the header says, where it is not the true one. */
  claims?: number;
}

/** A WAV file, written independently of the code that reads them; `samples` are those of all channels in turn. */
export function wavFile(
  samples: Buffer,
  { encoding = 'pcm16', channels = 1, rate = 8_000, claims = samples.length }: WavForm = {},
): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + claims, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(CODES[encoding], 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * channels * BYTES[encoding], 28);
  header.writeUInt16LE(channels * BYTES[encoding], 32);
  header.writeUInt16LE(BYTES[encoding] * 8, 34);
  header.write('data', 36);
  header.writeUInt32LE(claims, 40);
  return Buffer.concat([header, samples]);
}

/** PCM16 as files and rows hold it. */
export function pcmBytes(samples: ArrayLike<number>): Buffer {
  const bytes = Buffer.alloc(samples.length * 2);
  for (let i = 0; i < samples.length; i++) bytes.writeInt16LE(samples[i] ?? 0, i * 2);
  return bytes;
}

/** A tone of so many hertz. */
export const tone = (hz: number, rate: number, seconds: number, amplitude = 10_000): number[] =>
  Array.from({ length: Math.round(rate * seconds) }, (_, i) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * hz * i) / rate)),
  );
