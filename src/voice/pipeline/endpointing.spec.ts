import { type EndpointingSettings } from '../conversation-settings.js';
import { Endpointing } from './endpointing.js';

const frame = (amplitude: number): Int16Array =>
  Int16Array.from({ length: 160 }, (_, n) => (n % 2 ? -amplitude : amplitude));

/** Pushes stretches of [amplitude, milliseconds], from 0 ms on. */
function listen(settings: Partial<EndpointingSettings>, ...stretches: [number, number][]) {
  const endpointing = new Endpointing(settings);
  const events: string[] = [];
  const utterances: ReturnType<Endpointing['take']>[] = [];
  let atMs = 0;
  for (const [amplitude, ms] of stretches) {
    for (let passed = 0; passed < ms; passed += 20, atMs += 20) {
      const event = endpointing.push(frame(amplitude), atMs);
      if (event) events.push(`${event} ${atMs + 20}`);
      if (event === 'ended') utterances.push(endpointing.take());
    }
  }
  return { events, utterances, endpointing };
}

const SPEECH = 3_000;
const HUM = 40;

describe('speech', () => {
  it('starts after some sound, and ends after some silence', () => {
    const { events, utterances } = listen({}, [HUM, 1_000], [SPEECH, 800], [HUM, 1_000]);
    expect(events).toEqual(['started 1080', 'ended 2300']);
    expect(utterances).toMatchObject([{ startMs: 1_000, endMs: 1_800, voicedMs: 800 }]);
  });

  it('includes audio before its start', () => {
    const { utterances } = listen({ preRollMs: 200 }, [HUM, 1_000], [SPEECH, 800], [HUM, 1_000]);
    const { pcm } = utterances[0]!;
    expect(pcm.findIndex((sample) => sample === SPEECH) / 8).toBe(200);
    expect(pcm.filter((sample) => Math.abs(sample) === SPEECH).length).toBe(800 * 8);
    expect(pcm.length / 8).toBe(200 + 800 + 500);
  });

  it('continues after pauses that are shorter than the silence that ends it', () => {
    const { events } = listen({ silenceMs: 700 }, [HUM, 500], [SPEECH, 400], [HUM, 600], [SPEECH, 400], [HUM, 1_000]);
    expect(events.map((event) => event.split(' ')[0])).toEqual(['started', 'ended']);
  });

  it('does not begin with a click', () => {
    expect(listen({}, [HUM, 500], [SPEECH, 60], [HUM, 1_000]).events).toEqual([]);
  });

  it('does not begin with steady noise', () => {
    expect(listen({}, [150, 5_000]).events).toEqual([]);
  });

  it.each([250, 350])('does not begin with noise (%d) between concealed packet losses', (noise) => {
    const lossy = Array.from({ length: 20 }, (): [number, number][] => [
      [noise, 480],
      [0, 20],
    ]);
    expect(listen({}, [noise, 1_000], ...lossy.flat()).events).toEqual([]);
  });

  it('does not begin with the noise that follows the digital silence of a new line', () => {
    expect(listen({}, [0, 100], [250, 3_000]).events).toEqual([]);
  });

  it('is found above such noise', () => {
    const { utterances } = listen({}, [150, 2_000], [SPEECH, 500], [150, 1_000]);
    expect(utterances).toMatchObject([{ startMs: 2_000, endMs: 2_500 }]);
  });

  it.each([
    [0, []],
    [0.5, []],
    [1, ['started 1080', 'ended 2000']],
  ])('is found when it is faint, at sensitivity %d', (sensitivity, events) => {
    expect(listen({ sensitivity }, [HUM, 1_000], [120, 500], [HUM, 1_000]).events).toEqual(events);
  });

  it('is cut at the longest utterance and continues as another one', () => {
    const { events, utterances } = listen({ maxUtteranceMs: 2_000 }, [HUM, 1_000], [SPEECH, 3_000], [HUM, 1_000]);
    expect(events.map((event) => event.split(' ')[0])).toEqual(['started', 'ended', 'started', 'ended']);
    expect(utterances.reduce((sum, { voicedMs }) => sum + voicedMs, 0)).toBe(3_000);
  });

  it('can be read before its end', () => {
    const { endpointing } = listen({ preRollMs: 100 }, [HUM, 1_000], [SPEECH, 400]);
    expect({ speaking: endpointing.speaking, voicedMs: endpointing.voicedMs }).toEqual({
      speaking: true,
      voicedMs: 400,
    });
    expect(endpointing.soFar().length / 8).toBe(500);
  });
});
