import { ProviderError, type TextToSpeech } from '../../src/voice/providers/ports.js';
import { presynthesize } from '../../src/voice/presynthesize.js';

const OPTIONS = { voice: 'coral', language: 'de-DE' };

/** @param parts its speech, or the error it fails with */
const textToSpeech = (name: string, ...parts: (Int16Array | Error)[]): TextToSpeech & { requests: unknown[] } => {
  const requests: unknown[] = [];
  return {
    name,
    requests,
    async *synthesize(text, { voice, language }) {
      requests.push({ text, voice, language });
      for (const part of parts) {
        await Promise.resolve();
        if (part instanceof Error) throw part;
        yield part;
      }
    },
  };
};
const down = new ProviderError('unavailable', 'down');

describe('presynthesize', () => {
  it('puts together what comes in pieces, in the voice and language requests for', async () => {
    const primary = textToSpeech('one', Int16Array.of(1, 2), Int16Array.of(3));
    expect(await presynthesize({ primary }, 'Hello', OPTIONS)).toEqual({
      pcm: Int16Array.of(1, 2, 3),
      provider: 'one',
    });
    expect(primary.requests).toEqual([{ text: 'Hello', ...OPTIONS }]);
  });

  it('takes the fallback when the first provider fails, without the part that was made', async () => {
    const primary = textToSpeech('one', Int16Array.of(1), down);
    const fallback = textToSpeech('two', Int16Array.of(9));
    expect(await presynthesize({ primary, fallback }, 'Hello', OPTIONS)).toEqual({
      pcm: Int16Array.of(9),
      provider: 'two',
    });
  });

  it.each([
    ['fails', [down], 'down'],
    ['makes no speech', [], 'No speech was sent'],
    ['does not stop', Array.from({ length: 301 }, () => new Int16Array(8_000)), 'More than five minutes'],
  ] as const)('fails when the last provider %s', async (_, parts, message) => {
    await expect(presynthesize({ primary: textToSpeech('one', ...parts) }, 'Hello', OPTIONS)).rejects.toThrow(message);
  });

  it('fails with a timeout when the provider stalls', async () => {
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
    const speech = presynthesize({ primary: silent }, 'Hello', { ...OPTIONS, timeoutMs: 5 });
    await expect(speech).rejects.toMatchObject({ fault: 'timeout' });
  });
});
