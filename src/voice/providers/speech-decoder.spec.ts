import fc from 'fast-check';
import { resample } from '../../lib/audio/index.js';
import { pcmBytes, tone, wavFile } from '../../../test/support/wav.js';
import { ProviderError } from './ports.js';
import { SpeechDecoder } from './speech-decoder.js';

function decode(bytes: Buffer, cuts: readonly number[] = [], rate = 24_000): Int16Array {
  const decoder = new SpeechDecoder('voice', rate);
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const pieces = at.slice(1).map((end, i) => decoder.push(bytes.subarray(at[i], end)));
  return Int16Array.from([...pieces, decoder.end()].flatMap((piece) => [...piece]));
}

const samples = Int16Array.from(tone(440, 24_000, 0.05));
const expected = resample(samples, 24_000, 8_000);

describe('speech decoder', () => {
  it('takes bare PCM, and leaves out half a sample', () => {
    expect(decode(pcmBytes(samples))).toEqual(expected);
    expect(decode(Buffer.concat([pcmBytes(samples), Buffer.of(7)]))).toEqual(expected);
  });

  it('gives the same however it is cut', () => {
    const files = [pcmBytes(samples), wavFile(pcmBytes(samples), { rate: 24_000 })];
    fc.assert(
      fc.property(fc.constantFrom(...files), fc.array(fc.nat(3_000), { maxLength: 30 }), (file, cuts) => {
        expect(decode(file, cuts)).toEqual(expected);
      }),
    );
  });

  it.each([0, 0xffff_ffff - 36, 0x7fff_ffff])('takes a WAV file that claims %d bytes', (claims) => {
    expect(decode(wavFile(pcmBytes(samples), { rate: 24_000, claims }), [], 8_000)).toEqual(expected);
  });

  it('takes a WAV file at 8 kHz, G.711 and stereo', () => {
    const line = Int16Array.from(tone(440, 8_000, 0.05));
    expect(decode(wavFile(pcmBytes(line)))).toEqual(line);
    const stereo = pcmBytes([...line].flatMap((sample) => [sample, sample]));
    expect(decode(wavFile(stereo, { channels: 2 }))).toEqual(line);
    expect(decode(wavFile(Buffer.alloc(80, 0xff), { encoding: 'ulaw' }))).toEqual(new Int16Array(80));
  });

  it('does not play what follows the samples of a WAV file', () => {
    const file = wavFile(pcmBytes(samples), { rate: 24_000 });
    expect(decode(Buffer.concat([file, Buffer.from('LIST\x04\0\0\0oops')]), [1_000, 2_444])).toEqual(expected);
  });

  it('says nothing where there is nothing', () => {
    expect(decode(Buffer.alloc(0))).toHaveLength(0);
    expect(decode(Buffer.alloc(3))).toHaveLength(0);
  });

  it.each([
    ['MP3', Buffer.from('ID3\x04....')],
    ['Ogg', Buffer.from('OggS....')],
    ['FLAC', Buffer.from('fLaC....')],
    ['HTML', Buffer.from('<html></html>')],
    ['JSON', Buffer.from('{"error":1}')],
    ['a WAV file of floats', wavFile(Buffer.alloc(400), { encoding: 'float32' })],
    ['a WAV file that is cut off in its header', wavFile(Buffer.alloc(400)).subarray(0, 30)],
    ['a WAV file whose samples never begin', Buffer.concat([Buffer.from('RIFF....WAVE'), Buffer.alloc(70_000)])],
  ])('refuses %s', (_, bytes) => {
    expect(() => decode(bytes)).toThrow(ProviderError);
  });
});
