import { type ConversationSettings } from '../../src/voice/conversation-settings.js';
import { ANSWER, GREETING, QUESTION, SENTENCES } from './support/appointment.js';
import { type ConversationHarness, type HarnessOptions } from './support/conversation-harness.js';
import { HARNESSES } from './support/harnesses.js';
import { CHARACTER_MS } from './support/scripted-providers.js';

describe.each(HARNESSES)('a conversation over the $name pipeline', ({ start }) => {
  let harness: ConversationHarness;

  const begin = (settings: Partial<ConversationSettings> = {}, options: HarnessOptions = {}): void => {
    harness = start(() => ({
      answer: () => ANSWER,
      ...options,
      settings: { firstMessage: { text: GREETING }, ...settings },
    }));
  };
  const ask = async (text = QUESTION): Promise<void> => {
    await harness.passUntilTurns(1);
    harness.line.says(text, 1_000);
  };

  afterEach(() => harness.close());

  describe('its course', () => {
    it('is a greeting, a question and an answer, which the model knows', async () => {
      begin();
      await ask();
      await harness.passUntilTurns(3);
      expect(harness.script).toEqual([`agent: ${GREETING}`, `customer: ${QUESTION}`, `agent: ${ANSWER}`]);
      expect(harness.line.playedTexts.map(({ text }) => text)).toEqual([GREETING, ...SENTENCES]);
      expect(harness.modelMessages.slice(0, 3)).toMatchObject([
        { role: 'system', content: 'Be kind.' },
        { role: 'assistant', content: GREETING },
        { role: 'user', content: QUESTION },
      ]);
    });

    it('has times of both sides and no latency where nothing was asked', async () => {
      begin();
      await ask();
      await harness.passUntilTurns(3);
      const [greeting, question] = harness.turns;
      expect(greeting).toMatchObject({ speaker: 'agent', latency: null });
      expect(greeting!.endMs).toBeCloseTo(GREETING.length * CHARACTER_MS, -2);
      expect(question).toMatchObject({ speaker: 'customer', endMs: question!.startMs + 1_000, latency: null });
    });

    it('begins with the customer when the customer speaks first', async () => {
      begin({ firstSpeaker: 'customer' });
      await harness.pass(3_000);
      expect(harness.line.playedTexts).toEqual([]);
      harness.line.says('Hello?', 600);
      await harness.passUntilTurns(2);
      expect(harness.script).toEqual(['customer: Hello?', `agent: ${ANSWER}`]);
    });

    it('begins with the model when there is no first message', async () => {
      begin({ firstMessage: undefined });
      await harness.passUntilTurns(1);
      expect(harness.script).toEqual([`agent: ${ANSWER}`]);
    });

    it('begins with a notice that is played in full while the customer speaks', async () => {
      begin({ notice: { text: 'This call is recorded.' } });
      harness.line.says('Hello hello', 340);
      await harness.passUntilTurns(3);
      await harness.pass(1_000);
      expect(harness.script).toEqual(['customer: Hello hello', 'agent: This call is recorded.', `agent: ${GREETING}`]);
      expect(harness.line.playedTexts[0]).toEqual({ text: 'This call is recorded.', ms: 22 * CHARACTER_MS });
      expect(harness.answers).toBe(0);
    });

    it('has the notice in what the model knows', async () => {
      begin({ notice: { text: 'This call is recorded.' } });
      await harness.passUntilTurns(2);
      harness.line.says(QUESTION, 1_000);
      await harness.passUntilTurns(4);
      expect(harness.modelMessages.map(({ content }) => content)).toContain('This call is recorded.');
    });

    it('answers a hello before the greeting with the greeting', async () => {
      begin({}, { greeting: { delayMs: 1_000 } });
      harness.line.says('Hello?', 600);
      await harness.passUntilTurns(2);
      await harness.pass(500);
      expect(harness.script).toEqual(['customer: Hello?', `agent: ${GREETING}`]);
      expect(harness.answers).toBe(0);
    });

    it('plays recorded speech without a request', async () => {
      harness = start((own) => ({
        settings: { firstMessage: { text: GREETING, audio: own.line.vocabulary.speech(GREETING, 1_000, 'agent') } },
      }));
      await harness.passUntilTurns(1);
      expect(harness.speechRequests).toBe(0);
      expect(harness.script).toEqual([`agent: ${GREETING}`]);
    });

    it('ends by stop with the played part of the last words', async () => {
      begin();
      await ask();
      await harness.passUntilPlaying(SENTENCES[1]);
      harness.conversation.stop();
      expect(harness.script.at(-1)).toBe(`agent: ${SENTENCES[0]} -`);
      await harness.pass(1_000);
      expect(harness.end).toBeUndefined();
    });
  });

  describe('a hang-up of the customer', () => {
    it('in the middle of a word keeps the words', async () => {
      begin({}, { hearing: () => ({ delayMs: 300 }) });
      await ask('No thank you');
      await harness.pass(500);
      const gone = harness.conversation.hangUp();
      await harness.pass(1_000);
      await gone;
      expect(harness.script).toEqual([`agent: ${GREETING}`, 'customer: No thank you']);
      expect({ end: harness.end, answers: harness.answers }).toEqual({ end: undefined, answers: 0 });
    });

    it('while the agent speaks keeps the played part', async () => {
      begin();
      await ask();
      await harness.passUntilPlaying(SENTENCES[1]);
      await harness.conversation.hangUp();
      expect(harness.script.at(-1)).toBe(`agent: ${SENTENCES[0]} -`);
    });

    it('waits a limited time for a transcript that never comes', async () => {
      begin({}, { hearing: () => ({ fault: 'stall' }) });
      await ask();
      await harness.pass(500);
      const gone = harness.conversation.hangUp();
      await harness.pass(17_000);
      await gone;
      expect(harness.script).toEqual([`agent: ${GREETING}`]);
    });
  });

  describe('a fault that is not of a provider', () => {
    const error = new Error('disk full');
    const expectBroken = async (): Promise<void> => {
      await harness.pass(20_000);
      expect(harness.broken).toBe(error);
      harness.expectNothingLeft();
      harness.broken = undefined;
    };

    it('breaks the conversation: an event handler throws', async () => {
      begin();
      harness.events.push = () => {
        throw error;
      };
      await expectBroken();
    });

    it('breaks the conversation: the line rejects speech', async () => {
      begin();
      harness.line.write = () => {
        throw error;
      };
      await expectBroken();
    });

    it('breaks the conversation: the line fails', async () => {
      begin();
      harness.line.mark = () => Promise.reject(error);
      await expectBroken();
    });
  });

  describe('inactivity', () => {
    const silence = { afterMs: 3_000, prompt: { text: 'Are you still there?' }, times: 2, farewell: undefined };
    const farewell = { text: 'Then I wish you a good day.' };

    it('is followed by prompts, then by the end', async () => {
      begin({ silence });
      await harness.pass(60_000);
      const prompt = 'agent: Are you still there?';
      expect(harness.script).toEqual([`agent: ${GREETING}`, prompt, prompt]);
      expect(harness.end).toEqual({ reason: 'inactivity', detail: 'The customer said nothing' });
      expect(harness.of('ended')).toEqual([{ type: 'ended', end: harness.end }]);
    });

    it('ends with a farewell that is played in full', async () => {
      begin({ silence: { ...silence, times: 0, farewell } });
      await harness.pass(60_000);
      expect(harness.line.playedTexts.at(-1)).toEqual({ text: farewell.text, ms: 27 * CHARACTER_MS });
      expect(harness.end?.reason).toBe('inactivity');
    });

    it('does not end the call when the customer speaks during the farewell', async () => {
      begin({ silence: { ...silence, times: 0, farewell } });
      await harness.passUntilPlaying(farewell.text);
      harness.line.says('No wait', 700);
      await harness.passUntilTurns(4);
      expect(harness.script.slice(1)).toEqual(['agent: Then I -', 'customer: No wait', `agent: ${ANSWER}`]);
      expect(harness.end).toBeUndefined();
    });

    it('is counted from 0 after the customer has spoken', async () => {
      begin({ silence });
      await harness.passUntilTurns(3);
      harness.line.says('Yes I am', 800);
      await harness.pass(60_000);
      expect(harness.script.filter((line) => line.includes('still there')).length).toBe(4);
    });
  });

  describe('the duration limit', () => {
    const limits = { maxDurationMs: 20_000, durationWarning: { text: 'We have ten seconds left.', beforeMs: 10_000 } };

    it('is announced, then ends the call', async () => {
      begin(limits);
      await harness.pass(60_000);
      expect(harness.script[1]).toBe('agent: We have ten seconds left.');
      expect(harness.turns[1]!.startMs).toBeCloseTo(10_000, -2);
      expect(harness.end).toEqual({ reason: 'max_duration_reached', detail: null });
      expect(harness.line.atMs).toBeCloseTo(20_000, -2);
    });

    it('is announced after the current answer', async () => {
      begin(limits, { thinking: () => ({ delayMs: 500 }) });
      await harness.passUntilTurns(1);
      await harness.pass(9_500 - harness.line.atMs);
      harness.line.says('What now', 400);
      await harness.passUntilTurns(4);
      expect(harness.script.slice(2)).toEqual([`agent: ${ANSWER}`, 'agent: We have ten seconds left.']);
    });
  });

  describe('keys', () => {
    it('in a row are one message to the model', async () => {
      begin();
      await harness.passUntilTurns(1);
      for (const key of '12') harness.conversation.dtmf(key);
      await harness.passUntilTurns(3);
      expect(harness.modelMessages).toContainEqual({ role: 'user', content: '[Keys pressed: 12]' });
      expect(harness.script.slice(1)).toEqual(['customer: [Keys pressed: 12]', `agent: ${ANSWER}`]);
    });

    it('end with # and interrupt the agent', async () => {
      begin();
      await harness.pass(500);
      for (const key of '34#') harness.conversation.dtmf(key);
      await harness.passUntilTurns(3);
      expect(harness.script[0]).toMatch(/^agent: .+ -$/);
      expect(harness.script[1]).toBe('customer: [Keys pressed: 34#]');
    });
  });
});
