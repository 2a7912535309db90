import { type ConversationSettings } from '../../src/voice/conversation/conversation-settings.js';
import { RealtimeLab, type RealtimeLabOptions } from './support/realtime-harness.js';
import { type Behaviour, CHARACTER_MS, toolCall } from './support/scripted-providers.js';

const GREETING = 'Hello, this is Anna from the clinic.';
const ANSWER = 'Tuesday at nine is free. Wednesday at ten is free as well.';
const [FIRST] = ANSWER.split(/(?<=\.) /) as [string];
const APOLOGY = 'I am sorry, something is broken here.';

let lab: RealtimeLab;

const begin = async (
  script: RealtimeLabOptions['script'],
  settings: Partial<ConversationSettings> = {},
  options: Partial<RealtimeLabOptions> = {},
): Promise<void> => {
  lab = new RealtimeLab((own) => ({
    ...options,
    script: { answer: () => ANSWER, ...script },
    settings: {
      firstMessage: { text: GREETING },
      apology: { text: APOLOGY, audio: own.line.words.speech(APOLOGY, 1_000, 'agent') },
      ...settings,
    },
  }));
  await lab.passUntil(() => lab.turns.length === 1);
  lab.line.says('When can I come', 1_000);
};
const over = () => lab.passUntil(() => false, 60_000);
const heard = () => lab.line.heard.map(({ text }) => text);
const faults = () =>
  lab.of('fault').map(({ fault }) => `${fault.stage} ${fault.provider} ${fault.fault} ${fault.then.action}`);
/** Fails from this reply on, or at this one only; counted from 0. */
const from = (first: number, behaviour: Behaviour) => (reply: number) => (reply >= first ? behaviour : {});
const at = (one: number, behaviour: Behaviour) => (reply: number) => (reply === one ? behaviour : {});

afterEach(async () => {
  lab.conversation.stop();
  await lab.clock.advance(0);
  expect(lab.leaks).toEqual({ timers: 0, listeners: 0, sessions: 0 });
  expect(lab.broken).toBeUndefined();
});

describe.each<Behaviour>([
  { fault: 'unavailable' },
  { fault: 'rate_limited', retryAfterMs: 300 },
  { fault: 'timeout' },
  { fault: 'stall' },
  { fault: 'empty' },
  { fault: 'bug' },
])('a model that fails once ($fault)', (kind) => {
  it('is connected with again, hears the customer again, and knows what was said', async () => {
    await begin({ speaking: at(1, kind), hearing: () => ({ delayMs: 200 }) });
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.script).toEqual([`agent: ${GREETING}`, 'customer: When can I come', `agent: ${ANSWER}`]);
    expect(lab.of('fault').map(({ fault }) => fault.then.action)).toEqual(['retry']);
    expect(lab.provider.sessions.length).toBe(2);
    expect(lab.provider.told).toMatchObject([
      { role: 'system', content: 'Be kind.' },
      { role: 'assistant', content: GREETING },
      { role: 'user', content: 'When can I come' },
      { role: 'assistant', content: ANSWER },
    ]);
  });
});

describe('a model that breaks off', () => {
  it('goes on with its last words that were spoken', async () => {
    // The text of it, and 800 ms of its sound.
    const answers = [ANSWER, 'nine, and Wednesday as well.'];
    await begin({ answer: () => answers.shift()!, speaking: at(1, { fault: 'unavailable', after: 9 }) });
    await lab.passUntil(() => lab.turns.length === 3);
    const { messages, orders } = lab.provider.sessions[1]!;
    expect(messages.slice(1, 4)).toMatchObject([
      { role: 'assistant', content: GREETING },
      { role: 'user', content: 'When can I come' },
      { role: 'assistant', content: 'Tuesday at' },
    ]);
    expect(orders).toEqual([{ instructions: expect.stringContaining('Go on'), mayUseTools: true }]);
    expect(lab.script.at(-1)).toBe('agent: Tuesday at nine, and Wednesday as well.');
    expect(lab.line.heard[1]).toEqual({ text: FIRST, ms: 800 });
  });

  it('is told, when it is interrupted, how much of its last part was heard', async () => {
    await begin({ speaking: at(1, { fault: 'unavailable', after: 9 }) });
    await lab.passUntil(() => (lab.line.heard[1]?.ms ?? 0) > 1_000);
    lab.line.says('Stop please', 800);
    await lab.passUntil(() => lab.line.clearedMs.length === 1);
    const heardMs = lab.line.heard.slice(1).reduce((sum, { ms }) => sum + ms, 0);
    await lab.passUntil(() => lab.turns.length === 4);
    // The first 800 ms were of the session before.
    expect(lab.provider.sessions[1]!.cuts).toEqual([heardMs - 800]);
  });

  it('while the customer speaks hears all of it in the next session', async () => {
    await begin({ speaking: at(1, { fault: 'unavailable', delayMs: 1_000 }) });
    await lab.passUntil(() => lab.provider.replies === 2);
    await lab.pass(300);
    lab.line.says('on Tuesday', 1_200);
    await lab.passUntil(() => lab.turns.length === 4);
    expect(lab.provider.sessions.length).toBe(2);
    expect(lab.script.slice(1)).toEqual(['customer: When can I come', 'customer: on Tuesday', `agent: ${ANSWER}`]);
    expect(lab.provider.told.filter(({ role }) => role === 'user').at(-1)?.content).toBe('on Tuesday');
  });

  it('while nobody asks it is connected with when it is asked', async () => {
    await begin({}, { silence: { afterMs: 9_000, prompt: { text: 'Hello?' }, times: 9, farewell: undefined } });
    await lab.pass(300);
    lab.provider.sessions[0]!.break('unavailable');
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.script).toEqual([`agent: ${GREETING}`, 'customer: When can I come', `agent: ${ANSWER}`]);
    expect(faults()).toEqual(['model voice unavailable retry']);
  });

  it('during an interruption is asked again, and hears it', async () => {
    await begin({});
    await lab.passUntil(() => heard().at(-1) === FIRST);
    lab.line.says('Stop please', 800);
    await lab.pass(600);
    lab.provider.sessions[0]!.break('unavailable');
    await lab.passUntil(() => lab.turns.length === 5);
    expect(lab.script.slice(2)).toEqual([
      expect.stringMatching(/^agent: Tues.* -$/),
      'customer: Stop please',
      `agent: ${ANSWER}`,
    ]);
  });

  it('is told what its tools have done', async () => {
    const tool = {
      definition: { name: 'look_up', description: '', parameters: {} },
      timeoutMs: 1_000,
      run: () => Promise.resolve('free'),
    };
    const answer = (_: unknown, reply: number) => (reply === 1 ? [toolCall('look_up')] : ANSWER);
    await begin({ answer, speaking: at(2, { fault: 'unavailable' }) }, {}, { tools: [tool] });
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.provider.sessions[1]!.messages.slice(2, 5)).toMatchObject([
      { role: 'user', content: 'When can I come' },
      { role: 'assistant', toolCalls: [{ id: 'call-look_up' }] },
      { role: 'tool', toolCallId: 'call-look_up', content: 'free' },
    ]);
  });
});

describe('a model that goes on failing', () => {
  it('ends the call with an apology that was recorded before', async () => {
    await begin({ speaking: from(1, { fault: 'unavailable' }) });
    await over();
    expect(lab.line.heard.at(-1)).toEqual({ text: APOLOGY, ms: 1_000 });
    expect(lab.end).toEqual({ reason: 'error_llm_provider', detail: expect.stringContaining('scripted: unavailable') });
    expect(lab.script.at(-1)).toBe(`agent: ${APOLOGY}`);
    expect(faults()).toEqual(['model voice unavailable retry', 'model voice unavailable give_up']);
  });

  it('ends it in silence without one', async () => {
    await begin({ speaking: from(1, { fault: 'stall' }) }, { apology: { text: APOLOGY } });
    await over();
    expect(heard()).toEqual([GREETING]);
    expect(lab.end?.reason).toBe('error_llm_provider');
    expect(faults()).toEqual(['model voice timeout retry', 'model voice timeout give_up']);
  });

  it.each(['denied', 'refused'] as const)('is not asked again when that is no use: %s', async (fault) => {
    await begin({ speaking: from(1, { fault }) });
    await over();
    expect(faults()).toEqual([`model voice ${fault} give_up`]);
    expect(lab.provider.sessions.length).toBe(1);
  });

  it('is not waited for when it is busy for long', async () => {
    await begin({ speaking: from(1, { fault: 'rate_limited', retryAfterMs: 60_000 }) });
    await over();
    expect(faults()).toEqual(['model voice rate_limited give_up']);
  });

  it('lets what was said be heard before the apology', async () => {
    await begin({ speaking: from(1, { fault: 'unavailable', after: 8 }) });
    await over();
    expect(heard()).toEqual([GREETING, FIRST, APOLOGY]);
    expect(lab.line.heard[1]!.ms).toBe(2 * 700);
    expect(lab.line.heard[1]!.ms).toBeLessThan(ANSWER.length * CHARACTER_MS);
    expect(lab.end?.reason).toBe('error_llm_provider');
  });

  it('does so from the beginning', async () => {
    lab = new RealtimeLab(() => ({ script: { speaking: () => ({ fault: 'denied' }) } }));
    await over();
    expect(lab.end).toEqual({ reason: 'error_llm_provider', detail: expect.stringContaining('denied') });
  });
});

it('a model that never stops is stopped', async () => {
  const answers = ['and so on '.repeat(800), 'Yes?'];
  await begin({ answer: () => answers.shift()! });
  await lab.passUntil(() => lab.turns.length === 3, 400_000);
  expect(lab.line.heard[1]!.ms).toBe(300_000);
  expect({ faults: faults(), cuts: lab.provider.sessions[0]!.cuts }).toEqual({ faults: [], cuts: [300_000] });
});
