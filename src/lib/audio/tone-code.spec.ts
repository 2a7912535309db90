import fc from 'fast-check';
import { decodeG711, encodeG711 } from './g711.js';
import { joined, silence, speech } from '../../../test/support/audio.js';
import { decodeTones, encodeTones, SYMBOL } from './tone-code.js';

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((each) => !each.includes('\ufffd'));

describe('tone code', () => {
  it('says what it was given, wherever it begins', () => {
    fc.assert(
      fc.property(text, fc.nat(2_000), fc.nat(1_000), (said, before, after) => {
        const pcm = joined(new Int16Array(before), encodeTones(said), new Int16Array(after));
        expect(decodeTones(pcm)).toBe(said.replace(/^\ufeff/, ''));
      }),
      { numRuns: 30 },
    );
  });

  it('passes through G.711', () => {
    const said = 'Hello, this is Ann – how are you?';
    for (const codec of ['PCMU', 'PCMA'] as const) {
      const heard = decodeG711(codec, encodeG711(codec, joined(silence(0.3), encodeTones(said), silence(0.5))));
      expect(decodeTones(heard)).toBe(said);
    }
  });

  it('is as long as speech: about 15 characters a second', () => {
    const seconds = encodeTones('a'.repeat(60)).length / 8_000;
    expect(seconds).toBeCloseTo(3.72, 2);
  });

  it('is understood as far as it was heard', () => {
    const pcm = encodeTones('Hello Zoë');
    expect(decodeTones(pcm.subarray(0, SYMBOL * 7))).toBe('Hello');
    // In the middle of a character.
    expect(decodeTones(pcm.subarray(0, SYMBOL * 11))).toBe('Hello Zo');
  });

  it('joins what is said in a row', () => {
    const [first, second] = [encodeTones('Hello.'), encodeTones('Goodbye.')];
    expect(decodeTones(joined(first, second))).toBe('Hello. Goodbye.');
    expect(decodeTones(joined(first, silence(0.33), second))).toBe('Hello. Goodbye.');
  });

  it.each([
    ['silence', silence(1)],
    ['nothing', silence(0)],
    ['another voice', speech(2, 1)],
  ])('hears nothing in %s', (_, pcm) => {
    expect(decodeTones(pcm)).toBe('');
  });
});
