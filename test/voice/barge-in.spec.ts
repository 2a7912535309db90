import { type ConversationSettings } from '../../src/voice/conversation-settings.js';
import { ANSWER, GREETING, QUESTION, SENTENCES } from './support/appointment.js';
import { type ConversationHarness, type HarnessOptions } from './support/conversation-harness.js';
import { HARNESSES } from './support/harnesses.js';
import { CHARACTER_MS } from './support/scripted-providers.js';

describe.each(HARNESSES)('speech of the customer over the $name pipeline', ({ start }) => {
  let harness: ConversationHarness;

  /** The agent greets, and the customer asks. */
  const begin = async (settings: Partial<ConversationSettings> = {}, options: HarnessOptions = {}): Promise<void> => {
    harness = start(() => ({
      answer: () => ANSWER,
      ...options,
      settings: { firstMessage: { text: GREETING }, ...settings },
    }));
    await harness.passUntilTurns(1);
    harness.line.says(QUESTION, 1_000);
  };

  afterEach(() => harness.close());

  describe('while the agent speaks', () => {
    it('stops the agent after interruptMs, and only the played part is in the transcript', async () => {
      await begin({ interruptMs: 300 });
      await harness.passUntilPlaying(SENTENCES[1]);
      await harness.pass(600);
      const spokeMs = harness.line.atMs;
      harness.line.says('Tuesday please', 1_000);
      await harness.passUntilTurns(4);
      expect(harness.line.clearedMs[0]! - spokeMs).toBe(300);
      expect(harness.script.slice(2)).toEqual([
        `agent: ${SENTENCES[0]} Wednesday at ten is -`,
        'customer: Tuesday please',
      ]);
      await harness.passUntilTurns(5);
      expect(harness.script.at(-1)).toBe(`agent: ${ANSWER}`);
      expect(harness.turns.at(-1)!.latency).toMatchObject({ endpointingMs: 500 });
    });

    it('does not stop an agent that is not interruptible; the answer comes afterwards', async () => {
      await begin({ interruptible: false });
      await harness.passUntilPlaying(SENTENCES[1]);
      harness.line.says('Tuesday please', 1_000);
      await harness.passUntilTurns(5);
      expect(harness.line.clearedMs).toEqual([]);
      // The event of a turn comes at its end.
      expect(harness.script.slice(2)).toEqual(['customer: Tuesday please', `agent: ${ANSWER}`, `agent: ${ANSWER}`]);
    });

    it('continues the agent after noise without another request', async () => {
      await begin();
      await harness.passUntilPlaying(SENTENCES[1]);
      await harness.pass(500);
      harness.line.says('', 400);
      await harness.passUntilTurns(3);
      expect(harness.line.clearedMs.length).toBe(1);
      expect(harness.script.at(-1)).toBe(`agent: ${ANSWER}`);
      const played = harness.line.playedTexts.slice(1);
      expect(played.map(({ text }) => text)).toEqual(SENTENCES);
      expect(played.reduce((sum, { ms }) => sum + ms, 0)).toBe(harness.speechMs(ANSWER));
      expect(harness.answers).toBe(1);
    });

    it('is noise when the transcript has no letter', async () => {
      await begin();
      await harness.passUntilPlaying(SENTENCES[1]);
      harness.line.says('…', 400);
      await harness.passUntilTurns(3);
      expect(harness.script.at(-1)).toBe(`agent: ${ANSWER}`);
      expect(harness.answers).toBe(1);
    });

    it('does not stop the agent when it is a short word, which the model gets later', async () => {
      await begin();
      await harness.passUntilPlaying(SENTENCES[0]);
      harness.line.says('mhm', 200);
      await harness.passUntilTurns(4);
      expect(harness.line.clearedMs).toEqual([]);
      expect(harness.script.slice(2)).toEqual(['customer: mhm', `agent: ${ANSWER}`]);
      expect(harness.answers).toBe(1);
    });

    it('leaves the agent words complete when it comes with the last word', async () => {
      harness = start(() => ({ answer: () => ANSWER, settings: { firstMessage: { text: GREETING } } }));
      await harness.pass(GREETING.length * CHARACTER_MS - 300);
      harness.line.says('Yes hello', 1_000);
      await harness.passUntilTurns(3);
      expect(harness.script.slice(0, 2)).toEqual([`agent: ${GREETING}`, 'customer: Yes hello']);
    });
  });

  describe('while the model thinks', () => {
    const slowly = { thinking: () => ({ delayMs: 2_000 }) };
    const asked = () => harness.answers === 1;

    it('is added to the question, and the model is asked again', async () => {
      await begin({}, slowly);
      await harness.passUntil(asked);
      harness.line.says('on Tuesday', 800);
      await harness.passUntilTurns(4);
      expect(harness.answers).toBe(2);
      expect(harness.script.slice(1)).toEqual([`customer: ${QUESTION}`, 'customer: on Tuesday', `agent: ${ANSWER}`]);
    });

    it('keeps the agent silent until it ends', async () => {
      await begin({}, { thinking: () => ({ delayMs: 200 }) });
      await harness.passUntil(asked);
      harness.line.says('and where are you', 3_000);
      await harness.pass(2_900);
      expect(harness.line.playedTexts.map(({ text }) => text)).toEqual([GREETING]);
    });

    it('changes nothing when it is noise', async () => {
      await begin({}, slowly);
      await harness.passUntil(asked);
      harness.line.says('', 400);
      await harness.passUntilTurns(3);
      expect(harness.answers).toBe(1);
      expect(harness.script.at(-1)).toBe(`agent: ${ANSWER}`);
    });
  });
});
