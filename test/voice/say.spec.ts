import { ProviderError, type TextToSpeech } from '../../src/voice/providers/ports.js';
import { presynthesize } from '../../src/voice/presynthesize.js';

const OPTIONS = { voice: 'coral', language: 'de-DE' };

/** @param parts what it says, or why it does not */
const speaker = (name: string, ...parts: (Int16Array | Error)[]): TextToSpeech & { asked: unknown[] } => {
  const asked: unknown[] = [];
  return {
    name,
    asked,
    async *synthesize(text, { voice, language }) {
      asked.push({ text, voice, language });
      for (const part of parts) {
        await Promise.resolve();
        if (part instanceof Error) throw part;
        yield part;
      }
    },
  };
};
const down = new ProviderError('unavailable', 'down');

describe('saying something beforehand', () => {
  it('puts together what comes in pieces, in the voice and language asked for', async () => {
    const primary = speaker('one', Int16Array.of(1, 2), Int16Array.of(3));
    expect(await presynthesize({ primary }, 'Hello', OPTIONS)).toEqual({
      pcm: Int16Array.of(1, 2, 3),
      provider: 'one',
    });
    expect(primary.asked).toEqual([{ text: 'Hello', ...OPTIONS }]);
  });

  it('asks the other one when the first cannot, and leaves nothing of its half', async () => {
    const primary = speaker('one', Int16Array.of(1), down);
    const fallback = speaker('two', Int16Array.of(9));
    expect(await presynthesize({ primary, fallback }, 'Hello', OPTIONS)).toEqual({
      pcm: Int16Array.of(9),
      provider: 'two',
    });
  });

  it.each([
    ['fails', [down], 'down'],
    ['says nothing', [], 'No speech was sent'],
    ['does not stop', Array.from({ length: 301 }, () => new Int16Array(8_000)), 'More than five minutes'],
  ] as const)('fails when nobody is left and the last one %s', async (_, parts, message) => {
    await expect(presynthesize({ primary: speaker('one', ...parts) }, 'Hello', OPTIONS)).rejects.toThrow(message);
  });

  it('does not wait for ever', async () => {
    const silent: TextToSpeech = {
      name: 'silent',
      synthesize: (_, { signal }) => ({
        [Symbol.asyncIterator]: () => ({
          next: () =>
            new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => {
                reject(new Error('aborted'));
              });
            }),
        }),
      }),
    };
    const saying = presynthesize({ primary: silent }, 'Hello', { ...OPTIONS, timeoutMs: 5 });
    await expect(saying).rejects.toMatchObject({ fault: 'timeout' });
  });
});
