import { type ConversationSettings } from '../../src/voice/conversation/conversation-settings.js';
import { RealtimeLab, type RealtimeLabOptions } from './support/realtime-harness.js';
import { CHARACTER_MS } from './support/scripted-providers.js';

const GREETING = 'Hello, this is Anna from the clinic.';
const ANSWER = 'Tuesday at nine is free. Wednesday at ten is free as well. Which one do you prefer?';
const SENTENCES = ANSWER.split(/(?<=[.?]) /);

let lab: RealtimeLab;

const begin = (
  settings: Partial<ConversationSettings> = {},
  options: Partial<RealtimeLabOptions> = {},
): RealtimeLab => {
  lab = new RealtimeLab(() => ({
    ...options,
    script: { answer: () => ANSWER, ...options.script },
    settings: { firstMessage: { text: GREETING }, ...settings },
  }));
  return lab;
};
const playing = (text: string) => () => lab.line.heard.at(-1)?.text === text;
const greeted = () => lab.passUntil(() => lab.turns.length === 1);
const asked = async (text = 'When can I come') => {
  await greeted();
  lab.line.says(text, 1_000);
};
const session = () => lab.provider.sessions.at(-1)!;

/** However it went: nothing is left. */
afterEach(async () => {
  lab.conversation.stop();
  await lab.clock.advance(0);
  expect(lab.leaks).toEqual({ timers: 0, listeners: 0, sessions: 0 });
  expect(lab.broken).toBeUndefined();
});

describe('a conversation through one model', () => {
  it('greets, hears and answers', async () => {
    begin();
    await asked();
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.script).toEqual([`agent: ${GREETING}`, 'customer: When can I come', `agent: ${ANSWER}`]);
    expect(lab.line.heard.map(({ text }) => text)).toEqual([GREETING, ...SENTENCES]);
    expect(lab.provider.told).toMatchObject([
      { role: 'system', content: 'Be kind.' },
      { role: 'assistant', content: GREETING },
      { role: 'user', content: 'When can I come' },
      { role: 'assistant', content: ANSWER },
    ]);
    expect(session().cuts).toEqual([]);
  });

  it('has the model say the first message exactly, without tools', async () => {
    begin();
    await greeted();
    expect(session().orders).toEqual([{ instructions: expect.stringContaining(`“${GREETING}”`), mayUseTools: false }]);
  });

  it('plays what is recorded, and tells the model', async () => {
    lab = new RealtimeLab((own) => ({
      settings: { firstMessage: { text: GREETING, audio: own.line.words.speech(GREETING, 1_000, 'agent') } },
    }));
    await greeted();
    expect({ script: lab.script, replies: lab.provider.replies }).toEqual({
      script: [`agent: ${GREETING}`],
      replies: 0,
    });
    expect(lab.provider.told.at(-1)).toEqual({ role: 'assistant', content: GREETING });
  });

  it('answers without waiting for the words of the customer, which are told when they come', async () => {
    begin({}, { script: { hearing: () => ({ delayMs: 2_000 }), speaking: () => ({ delayMs: 200 }) } });
    await asked();
    await lab.passUntil(playing(SENTENCES[0]!));
    expect(lab.turns.length).toBe(1);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.script.slice(1)).toEqual(['customer: When can I come', `agent: ${ANSWER}`]);
    expect(lab.turns[2]!.startMs).toBe(lab.turns[1]!.endMs + 700);
  });

  it('says when each turn was and what it waited for', async () => {
    begin({}, { script: { hearing: () => ({ delayMs: 100 }), speaking: () => ({ delayMs: 200, betweenMs: 40 }) } });
    await asked();
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.turns[0]!.latency).toBeNull();
    expect(lab.turns[1]).toMatchObject({ speaker: 'customer', endMs: lab.turns[1]!.startMs + 1_000, latency: null });
    expect(lab.turns[2]!.latency).toEqual({
      endpointingMs: 500,
      transcriptionMs: 0,
      modelFirstTokenMs: 200,
      speechFirstByteMs: 40,
      totalMs: 740,
    });
  });

  it('counts what the model used', async () => {
    begin();
    await greeted();
    expect(lab.of('usage')).toEqual([
      { type: 'usage', usage: { stage: 'model', provider: 'voice', inputTokens: 10, outputTokens: 5 } },
    ]);
  });

  it('lets the customer speak first', async () => {
    begin({ firstSpeaker: 'customer' });
    await lab.pass(3_000);
    expect(lab.line.heard).toEqual([]);
    lab.line.says('Hello?', 600);
    await lab.passUntil(() => lab.turns.length === 2);
    expect(lab.script).toEqual(['customer: Hello?', `agent: ${ANSWER}`]);
  });

  it('lets the model begin when there is no first message', async () => {
    begin({ firstMessage: undefined });
    await lab.passUntil(() => lab.turns.length === 1);
    expect(lab.script).toEqual([`agent: ${ANSWER}`]);
  });

  it('plays a notice in full before anything else, whoever speaks', async () => {
    begin({ notice: { text: 'This call is recorded.' } });
    lab.line.says('Hello hello', 340);
    await lab.passUntil(() => lab.turns.length === 3);
    await lab.pass(1_000);
    expect(lab.script).toEqual(['customer: Hello hello', 'agent: This call is recorded.', `agent: ${GREETING}`]);
    expect(lab.line.heard[0]).toEqual({ text: 'This call is recorded.', ms: 22 * CHARACTER_MS });
    expect(lab.provider.replies).toBe(2);
  });

  it('greets who says hello before the greeting is there', async () => {
    begin({}, { script: { speaking: (request) => ({ delayMs: request === 0 ? 3_000 : 0 }) } });
    lab.line.says('Hello?', 600);
    await lab.passUntil(() => lab.turns.length === 2);
    await lab.pass(500);
    expect(lab.script).toEqual(['customer: Hello?', `agent: ${GREETING}`]);
    expect(session().cuts).toEqual([0]);
  });

  it('is stopped by a hang-up, and tells what was heard of the last words', async () => {
    begin();
    await asked();
    await lab.passUntil(playing(SENTENCES[1]!));
    lab.conversation.stop();
    expect(lab.script.at(-1)).toBe(`agent: ${SENTENCES[0]!} -`);
    await lab.pass(1_000);
    expect(lab.end).toBeUndefined();
  });

  it('answers nothing to noise, as long as the model has not begun', async () => {
    begin({}, { script: { speaking: (request) => ({ delayMs: request === 0 ? 0 : 800 }) } });
    await greeted();
    lab.line.says('', 400);
    await lab.pass(3_000);
    expect(lab.script).toEqual([`agent: ${GREETING}`]);
    expect(session().cuts).toEqual([0]);
  });
});

describe('a customer who hangs up', () => {
  it('in the middle of a word is still understood', async () => {
    begin({}, { script: { hearing: () => ({ delayMs: 300 }) } });
    await asked('No thank you');
    await lab.pass(500);
    const gone = lab.conversation.hangUp();
    await lab.pass(1_000);
    await gone;
    expect(lab.script).toEqual([`agent: ${GREETING}`, 'customer: No thank you']);
    expect({ end: lab.end, replies: lab.provider.replies }).toEqual({ end: undefined, replies: 1 });
  });

  it('while the agent speaks is told what was heard', async () => {
    begin();
    await asked();
    await lab.passUntil(playing(SENTENCES[1]!));
    await lab.conversation.hangUp();
    expect(lab.script.at(-1)).toBe(`agent: ${SENTENCES[0]!} -`);
  });

  it('is not waited for when the words never come', async () => {
    begin({}, { script: { hearing: () => ({ fault: 'stall' }) } });
    await asked();
    await lab.pass(500);
    const gone = lab.conversation.hangUp();
    await lab.pass(9_000);
    await gone;
    expect(lab.script).toEqual([`agent: ${GREETING}`]);
  });
});

describe('a conversation that breaks', () => {
  const error = new Error('disk full');
  const broken = async (): Promise<void> => {
    await lab.pass(20_000);
    expect(lab.broken).toBe(error);
    expect(lab.leaks).toEqual({ timers: 0, listeners: 0, sessions: 0 });
    lab.broken = undefined;
  };

  it('says so: what it tells is not taken', async () => {
    begin();
    lab.events.push = () => {
      throw error;
    };
    await broken();
  });

  it('says so: the line takes nothing', async () => {
    begin();
    lab.line.write = () => {
      throw error;
    };
    await broken();
  });

  it('says so: the line does not answer', async () => {
    begin();
    lab.line.mark = () => Promise.reject(error);
    await broken();
  });
});

describe('barge-in', () => {
  it('stops at once, and only what was heard is told and remembered', async () => {
    begin({ interruptMs: 300 });
    await asked();
    await lab.passUntil(playing(SENTENCES[1]!));
    await lab.pass(600);
    const spokeMs = lab.line.atMs;
    lab.line.says('Tuesday please', 1_000);
    await lab.passUntil(() => lab.turns.length === 4);
    expect(lab.line.clearedMs[0]! - spokeMs).toBe(300);
    expect(lab.script.slice(2)).toEqual([`agent: ${SENTENCES[0]!} Wednesday at ten is -`, 'customer: Tuesday please']);
    const playedMs = lab.line.heard.slice(1, 3).reduce((sum, { ms }) => sum + ms, 0);
    expect(session().cuts).toEqual([playedMs]);
    await lab.passUntil(() => lab.turns.length === 5);
    expect(lab.script.at(-1)).toBe(`agent: ${ANSWER}`);
    expect(lab.turns.at(-1)!.latency).toMatchObject({ endpointingMs: 500 });
  });

  it('stops the model, which still speaks', async () => {
    begin({}, { script: { speaking: () => ({ betweenMs: 90 }) } });
    await asked();
    await lab.passUntil(playing(SENTENCES[0]!));
    lab.line.says('Stop', 600);
    await lab.passUntil(() => lab.turns.length === 4);
    expect(session().cuts.length).toBe(1);
    expect(lab.provider.told.at(-2)).toEqual({ role: 'user', content: 'Stop' });
  });

  it('goes on with the rest when it was only noise', async () => {
    begin();
    await asked();
    await lab.passUntil(playing(SENTENCES[1]!));
    await lab.pass(500);
    lab.line.says('', 400);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.line.clearedMs.length).toBe(1);
    expect(lab.script.at(-1)).toBe(`agent: ${ANSWER}`);
    expect(lab.line.heard.slice(1).reduce((sum, { ms }) => sum + ms, 0)).toBe(ANSWER.length * CHARACTER_MS);
    expect({ replies: lab.provider.replies, cuts: session().cuts }).toEqual({ replies: 2, cuts: [] });
  });

  it('goes on after noise with what the model said meanwhile', async () => {
    begin({}, { script: { speaking: () => ({ betweenMs: 90 }) } });
    await asked();
    await lab.passUntil(playing(SENTENCES[0]!));
    lab.line.says('…', 400);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.script.at(-1)).toBe(`agent: ${ANSWER}`);
    expect(lab.provider.replies).toBe(2);
  });

  it.each([{ fault: 'empty' }, { fault: 'stall' }] as const)(
    'is one, too, when the words cannot be told: $fault',
    async (behaviour) => {
      begin({}, { script: { hearing: (utterance) => (utterance === 1 ? behaviour : {}) } });
      await asked();
      await lab.passUntil(playing(SENTENCES[1]!));
      lab.line.says('Tuesday please', 1_000);
      await lab.passUntil(() => lab.turns.length === 4);
      expect(lab.script.slice(2)).toEqual([`agent: ${SENTENCES[0]!} -`, `agent: ${ANSWER}`]);
    },
  );

  it('is not what a short word does; the model hears of it', async () => {
    begin();
    await asked();
    await lab.passUntil(playing(SENTENCES[0]!));
    lab.line.says('mhm', 200);
    await lab.passUntil(() => lab.turns.length === 4);
    expect(lab.line.clearedMs).toEqual([]);
    expect(lab.script.slice(2)).toEqual(['customer: mhm', `agent: ${ANSWER}`]);
    expect(lab.provider.replies).toBe(2);
    expect(lab.provider.told.at(-1)).toEqual({ role: 'user', content: 'mhm' });
  });

  it('of a recording is told to the model in words', async () => {
    lab = new RealtimeLab((own) => ({
      settings: { firstMessage: { text: GREETING, audio: own.line.words.speech(GREETING, 3_000, 'agent') } },
    }));
    await lab.pass(1_200);
    lab.line.says('Who is there', 800);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.script[0]).toBe('agent: Hello, this is -');
    expect(lab.provider.told.slice(1, 4)).toEqual([
      { role: 'assistant', content: GREETING },
      { role: 'user', content: 'Who is there' },
      { role: 'user', content: '[Of your last words I have heard only: “Hello, this is”]' },
    ]);
  });
});

describe('while the agent thinks', () => {
  const slowly = { script: { speaking: (request: number) => ({ delayMs: request === 0 ? 0 : 2_000 }) } };

  it('more words are added, and it thinks again', async () => {
    begin({}, slowly);
    await asked();
    await lab.passUntil(() => lab.provider.replies === 2);
    lab.line.says('on Tuesday', 800);
    await lab.passUntil(() => lab.turns.length === 4);
    expect(session().cuts).toEqual([0]);
    expect(lab.script.slice(1)).toEqual(['customer: When can I come', 'customer: on Tuesday', `agent: ${ANSWER}`]);
  });

  it('it does not begin to speak while the customer does', async () => {
    begin({}, { script: { speaking: () => ({ delayMs: 200 }) } });
    await asked();
    await lab.passUntil(() => lab.provider.replies === 2);
    lab.line.says('and where are you', 3_000);
    await lab.pass(2_900);
    expect(lab.line.heard.map(({ text }) => text)).toEqual([GREETING]);
  });

  it('noise changes nothing', async () => {
    begin({}, slowly);
    await asked();
    await lab.passUntil(() => lab.provider.replies === 2);
    lab.line.says('', 400);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.provider.replies).toBe(2);
    expect(lab.script.at(-1)).toBe(`agent: ${ANSWER}`);
  });
});

describe('silence', () => {
  const silence = { afterMs: 3_000, prompt: { text: 'Are you still there?' }, times: 2, farewell: undefined };

  it('is asked about, then ends the call', async () => {
    begin({ silence });
    await lab.passUntil(() => false, 60_000);
    expect(lab.script).toEqual([`agent: ${GREETING}`, 'agent: Are you still there?', 'agent: Are you still there?']);
    expect(lab.end).toEqual({ reason: 'inactivity', detail: 'The customer said nothing' });
    expect(lab.of('ended')).toEqual([{ type: 'ended', end: lab.end }]);
  });

  it('ends with a farewell that is heard in full', async () => {
    begin({ silence: { ...silence, times: 0, farewell: { text: 'Then I wish you a good day.' } } });
    await lab.passUntil(() => false, 60_000);
    expect(lab.line.heard.at(-1)).toEqual({ text: 'Then I wish you a good day.', ms: 27 * CHARACTER_MS });
    expect(lab.end?.reason).toBe('inactivity');
  });

  it('does not end it when the customer is back during the farewell', async () => {
    begin({ silence: { ...silence, times: 0, farewell: { text: 'Then I wish you a good day.' } } });
    await lab.passUntil(playing('Then I wish you a good day.'));
    lab.line.says('No wait', 700);
    await lab.passUntil(() => lab.turns.length === 4);
    expect(lab.script.slice(1)).toEqual(['agent: Then I -', 'customer: No wait', `agent: ${ANSWER}`]);
    expect(lab.end).toBeUndefined();
  });

  it('counts anew when the customer has spoken', async () => {
    begin({ silence });
    await lab.passUntil(() => lab.turns.length === 3);
    lab.line.says('Yes I am', 800);
    await lab.passUntil(() => false, 60_000);
    expect(lab.script.filter((line) => line.includes('still there')).length).toBe(4);
  });
});

it('silence is counted anew, too, when the words of the customer cannot be told', async () => {
  const silence = { afterMs: 3_000, prompt: { text: 'Are you still there?' }, times: 1, farewell: undefined };
  begin({ silence }, { script: { hearing: () => ({ fault: 'empty' }) } });
  await lab.passUntil(() => lab.turns.length === 2);
  lab.line.says('Yes I am', 800);
  await lab.passUntil(() => false, 60_000);
  expect(lab.script.slice(1)).toEqual([
    'agent: Are you still there?',
    `agent: ${ANSWER}`,
    'agent: Are you still there?',
  ]);
});

describe('the longest duration', () => {
  const limits = { maxDurationMs: 20_000, durationWarning: { text: 'We have ten seconds left.', beforeMs: 10_000 } };

  it('is warned of, then ends the call', async () => {
    begin(limits);
    await lab.passUntil(() => false, 60_000);
    expect(lab.script[1]).toBe('agent: We have ten seconds left.');
    expect(lab.end).toEqual({ reason: 'max_duration_reached', detail: null });
    expect(lab.line.atMs).toBeCloseTo(20_000, -2);
  });

  it('is warned of after what is being said', async () => {
    begin(limits, { script: { speaking: () => ({ delayMs: 500 }) } });
    await greeted();
    await lab.pass(9_500 - lab.line.atMs);
    lab.line.says('What now', 400);
    await lab.passUntil(() => lab.turns.length === 4);
    expect(lab.script.slice(2)).toEqual([`agent: ${ANSWER}`, 'agent: We have ten seconds left.']);
  });
});

describe('keys', () => {
  it('that are pressed in a row are one message to the model', async () => {
    begin();
    await greeted();
    for (const key of '12') lab.conversation.dtmf(key);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.provider.told.at(-2)).toEqual({ role: 'user', content: '[Keys pressed: 12]' });
    expect(lab.script.slice(1)).toEqual(['customer: [Keys pressed: 12]', `agent: ${ANSWER}`]);
  });

  it('end with #, and interrupt', async () => {
    begin();
    await lab.pass(500);
    for (const key of '34#') lab.conversation.dtmf(key);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.script[0]).toMatch(/^agent: .+ -$/);
    expect(lab.script[1]).toBe('customer: [Keys pressed: 34#]');
  });
});
