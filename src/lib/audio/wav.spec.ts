import { encodeG711 } from './g711.js';
import { resample } from './resampler.js';
import { energy } from './noise-floor.js';
import { ToneBank } from './tone-bank.js';
import { parseWav, parseWavHeader, wavHeader } from './wav.js';

/** A file of one format chunk, other chunks before the samples, and the samples. */
function file(
  format: { code: number; channels: number; rate: number; bits: number; extensible?: boolean },
  data: Buffer,
): Buffer {
  const chunk = (id: string, body: Buffer): Buffer => {
    const head = Buffer.alloc(8);
    head.write(id);
    head.writeUInt32LE(body.length, 4);
    return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
  };
  const fmt = Buffer.alloc(format.extensible ? 40 : 16);
  fmt.writeUInt16LE(format.extensible ? 0xfffe : format.code);
  fmt.writeUInt16LE(format.channels, 2);
  fmt.writeUInt32LE(format.rate, 4);
  fmt.writeUInt16LE(format.bits, 14);
  if (format.extensible) fmt.writeUInt16LE(format.code, 24);
  const body = Buffer.concat([
    Buffer.from('WAVE'),
    chunk('LIST', Buffer.alloc(5)),
    chunk('fmt ', fmt),
    chunk('data', data),
  ]);
  return chunk('RIFF', body);
}

const PCM = Int16Array.of(1_000, -1_000, 8_000, -8_000);

describe('a WAV file', () => {
  it.each([false, true])('of PCM is read, extensible: %s', (extensible) => {
    const wav = file({ code: 1, channels: 1, rate: 8_000, bits: 16, extensible }, Buffer.from(PCM.buffer));
    expect(parseWav(wav)).toEqual({ sampleRate: 8_000, channels: [PCM] });
  });

  it('of two channels is taken apart', () => {
    const wav = file({ code: 1, channels: 2, rate: 16_000, bits: 16 }, Buffer.from(PCM.buffer));
    expect(parseWav(wav)).toEqual({
      sampleRate: 16_000,
      channels: [Int16Array.of(1_000, 8_000), Int16Array.of(-1_000, -8_000)],
    });
  });

  it.each([
    ['PCMA', 6],
    ['PCMU', 7],
  ] as const)('of %s is decoded', (codec, code) => {
    const { channels } = parseWav(
      file({ code, channels: 1, rate: 8_000, bits: 8 }, Buffer.from(encodeG711(codec, PCM))),
    );
    expect(channels[0].map((sample, i) => Math.abs(sample - (PCM[i] ?? 0))).every((error) => error < 400)).toBe(true);
  });

  it('whose size was never written, or is cut, is read to its end', () => {
    const samples = Buffer.from(PCM.buffer);
    expect(parseWav(Buffer.concat([wavHeader(0, 1), samples])).channels).toEqual([PCM]);
    expect(parseWav(Buffer.concat([wavHeader(1_000, 1), samples.subarray(0, 5)])).channels).toEqual([PCM.slice(0, 2)]);
  });

  it('is read as it is written', () => {
    expect(parseWavHeader(wavHeader(320, 2))).toEqual({
      encoding: 'pcm16',
      channels: 2,
      sampleRate: 8_000,
      dataAt: 44,
      dataBytes: 320,
    });
  });

  it.each([
    ['not a WAV file', Buffer.from('ID3 and the rest of it')],
    ['not a WAV file', Buffer.alloc(0)],
    ['without samples', file({ code: 1, channels: 1, rate: 8_000, bits: 16 }, Buffer.alloc(0)).subarray(0, 50)],
    ['24 bits', file({ code: 1, channels: 1, rate: 8_000, bits: 24 }, Buffer.alloc(6))],
    ['format 85', file({ code: 85, channels: 1, rate: 8_000, bits: 16 }, Buffer.alloc(6))],
    ['6 channels', file({ code: 1, channels: 6, rate: 8_000, bits: 16 }, Buffer.alloc(12))],
    ['at 1 Hz', file({ code: 1, channels: 1, rate: 1, bits: 16 }, Buffer.alloc(12))],
    [
      'incomplete format chunk',
      Buffer.concat([Buffer.from('RIFF    WAVEfmt '), Buffer.of(4, 0, 0, 0, 1, 0, 1, 0), Buffer.alloc(8)]),
    ],
  ])('is refused: %s', (message, bytes) => {
    expect(() => parseWav(bytes)).toThrow(message);
  });
});

describe('resampling', () => {
  const tone = (hz: number, rate: number): Int16Array =>
    Int16Array.from({ length: rate }, (_, i) => 10_000 * Math.sin((2 * Math.PI * hz * i) / rate));
  /** Without the ends, where the filter reaches beyond the sound. */
  const middle = (pcm: Int16Array): Int16Array => pcm.subarray(400, -400);

  const share = (hz: number, pcm: Int16Array): number =>
    (new ToneBank([hz], pcm.length).energies(pcm)[0] ?? 0) / energy(pcm);

  it.each([16_000, 22_050, 24_000, 44_100, 48_000])('from %d Hz keeps what can be heard', (rate) => {
    const heard = resample(tone(1_000, rate), rate, 8_000);
    expect(heard).toHaveLength(8_000);
    expect(Math.sqrt(energy(middle(heard)) / 7_200)).toBeCloseTo(10_000 / Math.SQRT2, -2);
    expect(share(1_000, middle(heard))).toBeGreaterThan(0.999);
  });

  it.each([16_000, 22_050, 48_000])('from %d Hz takes away what would alias', (rate) => {
    const heard = resample(tone(5_000, rate), rate, 8_000);
    // 60 dB below.
    expect(Math.sqrt(energy(middle(heard)) / 7_200)).toBeLessThan(10_000 / Math.SQRT2 / 1_000);
  });

  it('upwards makes no mirror images', () => {
    const heard = middle(resample(tone(1_000, 8_000), 8_000, 24_000));
    // The filter takes its samples for 8,000 a second.
    expect(share(1_000 / 3, heard)).toBeGreaterThan(0.999);
  });

  it('to the same rate is a copy', () => {
    const pcm = Int16Array.of(1, 2, 3);
    expect(resample(pcm, 8_000, 8_000)).toEqual(pcm);
    expect(resample(pcm, 8_000, 8_000)).not.toBe(pcm);
  });

  it('does not wrap around at full scale', () => {
    const square = Int16Array.from({ length: 16_000 }, (_, i) => (Math.floor(i / 40) % 2 ? 32_767 : -32_768));
    const heard = resample(square, 16_000, 8_000);
    for (let i = 60; i < 7_900; i++) {
      const inside = i % 20 > 5 && i % 20 < 15;
      if (inside && Math.abs(heard[i] ?? 0) < 25_000) throw new Error(`${heard[i] ?? 0} at ${i}`);
    }
  });
});
