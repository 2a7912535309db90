import { type ConversationSettings } from '../../src/voice/conversation-settings.js';
import { GREETING, QUESTION } from './support/appointment.js';
import { type ConversationHarness, type HarnessOptions } from './support/conversation-harness.js';
import { HARNESSES } from './support/harnesses.js';
import { type Behaviour } from './support/scripted-providers.js';

const ANSWER = 'Tuesday at nine is free. Wednesday at ten is free as well.';
const SENTENCES = ANSWER.split(/(?<=\.) /);
const FAILURE_MESSAGE = 'I am sorry, something is broken here.';

describe.each(HARNESSES)('a model over the $name pipeline', ({ name, start }) => {
  let harness: ConversationHarness;
  const model = name === 'cascade' ? 'model brain' : 'model voice';

  const begin = async (options: HarnessOptions, settings: Partial<ConversationSettings> = {}): Promise<void> => {
    harness = start((own) => ({
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
  const once = (behaviour: Behaviour) => (request: number) => (request === 0 ? behaviour : {});
  const always = (behaviour: Behaviour) => () => behaviour;
  const ended = () => harness.pass(60_000);
  const played = () => harness.line.playedTexts.map(({ text }) => text);

  afterEach(() => harness.close());

  it.each<Behaviour>([
    { fault: 'unavailable' },
    { fault: 'rate_limited', retryAfterMs: 300 },
    { fault: 'timeout' },
    { fault: 'stall' },
    { fault: 'empty' },
    { fault: 'bug' },
  ])('that fails once is asked again ($fault)', async (behaviour) => {
    await begin({ thinking: once(behaviour), hearing: () => ({ delayMs: 200 }) });
    await harness.passUntilTurns(3);
    expect(harness.script).toEqual([`agent: ${GREETING}`, `customer: ${QUESTION}`, `agent: ${ANSWER}`]);
    expect(played()).toEqual([GREETING, ...SENTENCES]);
    expect(harness.of('fault').map(({ fault }) => fault.then.action)).toEqual(['retry']);
    expect(harness.modelMessages.slice(0, 3)).toMatchObject([
      { role: 'system', content: 'Be kind.' },
      { role: 'assistant', content: GREETING },
      { role: 'user', content: QUESTION },
    ]);
  });

  it('that fails twice ends the call with the recorded failure message', async () => {
    await begin({ thinking: always({ fault: 'unavailable' }) });
    await ended();
    expect(harness.line.playedTexts.at(-1)).toEqual({ text: FAILURE_MESSAGE, ms: 1_000 });
    expect(harness.end).toEqual({
      reason: 'error_llm_provider',
      detail: expect.stringContaining('scripted: unavailable'),
    });
    expect(harness.script.at(-1)).toBe(`agent: ${FAILURE_MESSAGE}`);
    expect(harness.faults).toEqual([`${model} unavailable retry`, `${model} unavailable give_up`]);
  });

  it('that fails twice ends the call at once without a failure message', async () => {
    await begin({ thinking: always({ fault: 'stall' }) }, { failureMessage: { text: '' } });
    await ended();
    expect(played()).toEqual([GREETING]);
    expect(harness.end?.reason).toBe('error_llm_provider');
    expect(harness.faults).toEqual([`${model} timeout retry`, `${model} timeout give_up`]);
  });

  it.each(['denied', 'refused'] as const)('is not asked again after %s', async (fault) => {
    await begin({ thinking: always({ fault }) });
    await ended();
    expect(harness.faults).toEqual([`${model} ${fault} give_up`]);
    expect(harness.end?.reason).toBe('error_llm_provider');
  });

  it('is not asked again when it is rate limited for long', async () => {
    await begin({ thinking: always({ fault: 'rate_limited', retryAfterMs: 60_000 }) });
    await ended();
    expect(harness.faults).toEqual([`${model} rate_limited give_up`]);
  });

  it('has failed when it says nothing', async () => {
    await begin({ thinking: always({ fault: 'empty' }) });
    await ended();
    expect(harness.faults).toEqual([`${model} unavailable retry`, `${model} unavailable give_up`]);
  });
});
