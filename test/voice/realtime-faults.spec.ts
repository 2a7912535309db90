import { congestionTone } from '../../src/lib/audio/tones.js';
import { type ConversationSettings } from '../../src/voice/conversation-settings.js';
import { GREETING, QUESTION } from './support/appointment.js';
import { RealtimeHarness, type RealtimeOptions } from './support/realtime-harness.js';
import { type Behaviour, CHARACTER_MS, type Plan, toolCall } from './support/scripted-providers.js';

const ANSWER = 'Tuesday at nine is free. Wednesday at ten is free as well.';
const [FIRST] = ANSWER.split(/(?<=\.) /) as [string];
const FAILURE_MESSAGE = 'I am sorry, something is broken here.';

const once =
  (behaviour: Behaviour): Plan =>
  (request) =>
    request === 0 ? behaviour : {};
const always =
  (behaviour: Behaviour): Plan =>
  () =>
    behaviour;

describe('the realtime pipeline with faults', () => {
  let harness: RealtimeHarness;

  const begin = async (options: RealtimeOptions, settings: Partial<ConversationSettings> = {}): Promise<void> => {
    harness = new RealtimeHarness((own) => ({
      answer: () => ANSWER,
      ...options,
      settings: {
        firstMessage: { text: GREETING },
        failureMessage: { text: FAILURE_MESSAGE, audio: own.line.vocabulary.speech(FAILURE_MESSAGE, 1_000, 'agent') },
        ...settings,
      },
    }));
    await harness.passUntilTurns(1);
    harness.line.says(QUESTION, 1_000);
  };
  const ended = () => harness.pass(60_000);
  const sessions = () => harness.model.sessions;

  afterEach(() => harness.close());

  it('connects again once, and the next session knows the conversation', async () => {
    await begin({ thinking: once({ fault: 'unavailable' }), hearing: () => ({ delayMs: 200 }) });
    await harness.passUntilTurns(3);
    expect(sessions().length).toBe(2);
    expect(harness.modelMessages).toMatchObject([
      { role: 'system', content: 'Be kind.' },
      { role: 'assistant', content: GREETING },
      { role: 'user', content: QUESTION },
      { role: 'assistant', content: ANSWER },
    ]);
  });

  describe('in a session that breaks', () => {
    it('has the next one go on after the words that were spoken', async () => {
      // The whole text, and 800 ms of its sound.
      const answers = [ANSWER, 'nine, and Wednesday as well.'];
      await begin({ answer: () => answers.shift()!, thinking: once({ fault: 'unavailable', after: 9 }) });
      await harness.passUntilTurns(3);
      expect(harness.session.messages.slice(1, 4)).toMatchObject([
        { role: 'assistant', content: GREETING },
        { role: 'user', content: QUESTION },
        { role: 'assistant', content: 'Tuesday at' },
      ]);
      expect(harness.session.orders).toEqual([{ instructions: expect.stringContaining('Go on'), mayUseTools: true }]);
      expect(harness.script.at(-1)).toBe('agent: Tuesday at nine, and Wednesday as well.');
      expect(harness.line.playedTexts[1]).toEqual({ text: FIRST, ms: 800 });
    });

    it('truncates the next one at what was played of its part', async () => {
      await begin({ thinking: once({ fault: 'unavailable', after: 9 }) });
      await harness.passUntil(() => (harness.line.playedTexts[1]?.ms ?? 0) > 1_000);
      harness.line.says('Stop please', 800);
      await harness.passUntil(() => harness.line.clearedMs.length === 1);
      const playedMs = harness.line.playedTexts.slice(1).reduce((sum, { ms }) => sum + ms, 0);
      await harness.passUntilTurns(4);
      // The first 800 ms were of the session before.
      expect(harness.session.cuts).toEqual([playedMs - 800]);
    });

    it('gives the next one the whole utterance of a customer who speaks', async () => {
      await begin({ thinking: once({ fault: 'unavailable', delayMs: 1_000 }) });
      await harness.passUntil(() => harness.answers === 1);
      await harness.pass(300);
      harness.line.says('on Tuesday', 1_200);
      await harness.passUntilTurns(4);
      expect(sessions().length).toBe(2);
      expect(harness.script.slice(1)).toEqual([`customer: ${QUESTION}`, 'customer: on Tuesday', `agent: ${ANSWER}`]);
      expect(harness.modelMessages.filter(({ role }) => role === 'user').at(-1)?.content).toBe('on Tuesday');
    });

    it('opens the next one when the model is asked', async () => {
      await begin({}, { silence: { afterMs: 9_000, prompt: { text: 'Hello?' }, times: 9, farewell: undefined } });
      await harness.pass(300);
      sessions()[0]!.break('unavailable');
      await harness.passUntilTurns(3);
      expect(harness.script).toEqual([`agent: ${GREETING}`, `customer: ${QUESTION}`, `agent: ${ANSWER}`]);
      expect(harness.faults).toEqual(['model voice unavailable retry']);
    });

    it('gives the next one an interruption that it has missed', async () => {
      await begin({});
      await harness.passUntilPlaying(FIRST);
      harness.line.says('Stop please', 800);
      await harness.pass(600);
      sessions()[0]!.break('unavailable');
      await harness.passUntilTurns(5);
      expect(harness.script.slice(2)).toEqual([
        expect.stringMatching(/^agent: Tues.* -$/),
        'customer: Stop please',
        `agent: ${ANSWER}`,
      ]);
    });

    it('gives the next one the results of tools', async () => {
      const tool = {
        definition: { name: 'look_up', description: '', parameters: {} },
        timeoutMs: 1_000,
        run: () => Promise.resolve('free'),
      };
      const thinking: Plan = (request) => (request === 1 ? { fault: 'unavailable' } : {});
      const answer = (_: unknown, request: number) => (request === 0 ? [toolCall('look_up')] : ANSWER);
      await begin({ answer, thinking, tools: [tool] });
      await harness.passUntilTurns(3);
      expect(harness.session.messages.slice(2, 5)).toMatchObject([
        { role: 'user', content: QUESTION },
        { role: 'assistant', toolCalls: [{ id: 'call-look_up' }] },
        { role: 'tool', toolCallId: 'call-look_up', content: 'free' },
      ]);
    });
  });

  describe('in a model that fails for good', () => {
    it('ends the call with a tone when the failure message is not recorded', async () => {
      await begin({ thinking: always({ fault: 'stall' }) }, { failureMessage: { text: FAILURE_MESSAGE } });
      const greeting = harness.line.played.length;
      await ended();
      expect(harness.line.played.slice(greeting)).toEqual([...congestionTone()].filter((sample) => sample !== 0));
      expect(harness.end?.reason).toBe('error_llm_provider');
    });

    it('opens no other session when that is no use', async () => {
      await begin({ thinking: always({ fault: 'denied' }) });
      await ended();
      expect(sessions().length).toBe(1);
    });

    it('plays the speech that was made before the failure message', async () => {
      await begin({ thinking: always({ fault: 'unavailable', after: 8 }) });
      await ended();
      expect(harness.line.playedTexts.map(({ text }) => text)).toEqual([GREETING, FIRST, FAILURE_MESSAGE]);
      expect(harness.line.playedTexts[1]!.ms).toBe(2 * 700);
      expect(harness.line.playedTexts[1]!.ms).toBeLessThan(ANSWER.length * CHARACTER_MS);
      expect(harness.end?.reason).toBe('error_llm_provider');
    });

    it('ends the call when the greeting fails', async () => {
      harness = new RealtimeHarness(() => ({
        settings: { firstMessage: { text: GREETING } },
        greeting: { fault: 'denied' },
      }));
      await ended();
      expect(harness.end).toEqual({ reason: 'error_llm_provider', detail: expect.stringContaining('denied') });
    });
  });

  it('stops a model that never stops after five minutes of speech', async () => {
    const answers = ['and so on '.repeat(800), 'Yes?'];
    await begin({ answer: () => answers.shift()! });
    await harness.passUntil(() => harness.turns.length === 3, 400_000);
    expect(harness.line.playedTexts[1]!.ms).toBe(300_000);
    expect({ faults: harness.faults, cuts: sessions()[0]!.cuts }).toEqual({ faults: [], cuts: [300_000] });
  });
});
