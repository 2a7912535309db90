import { type ConversationSettings } from '../../src/voice/conversation/conversation-settings.js';
import { ConversationLab, type LabOptions } from './support/conversation-harness.js';
import { CHARACTER_MS, StreamingTranscriber } from './support/scripted-providers.js';

const GREETING = 'Hello, this is Anna from the clinic.';
const ANSWER = 'Tuesday at nine is free. Wednesday at ten is free as well. Which one do you prefer?';
const SENTENCES = ANSWER.split(/(?<=[.?]) /);

let lab: ConversationLab;

const begin = (settings: Partial<ConversationSettings> = {}, options: Partial<LabOptions> = {}): ConversationLab => {
  lab = new ConversationLab(() => ({
    answer: () => ANSWER,
    ...options,
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

/** However it went: nothing is left. */
afterEach(async () => {
  lab.conversation.stop();
  await lab.clock.advance(0);
  expect(lab.leaks).toEqual({ timers: 0, listeners: 0, requests: 0 });
  expect(lab.broken).toBeUndefined();
});

describe('a conversation', () => {
  it('greets, hears and answers, and tells the model all of it', async () => {
    begin();
    await asked();
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.script).toEqual([`agent: ${GREETING}`, 'customer: When can I come', `agent: ${ANSWER}`]);
    expect(lab.told).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'assistant', content: GREETING },
      { role: 'user', content: 'When can I come' },
    ]);
    expect(lab.line.heard.map(({ text }) => text)).toEqual([GREETING, ...SENTENCES]);
  });

  it('says when each turn was and what it waited for', async () => {
    begin(
      {},
      {
        hearing: () => ({ delayMs: 100 }),
        thinking: () => ({ delayMs: 200 }),
        speaking: (request) => ({ delayMs: request === 0 ? 0 : 160 }),
      },
    );
    await asked();
    const { endMs } = lab.turns[0]!;
    await lab.passUntil(() => lab.turns.length === 3);
    expect(endMs).toBeCloseTo(GREETING.length * CHARACTER_MS, -2);
    expect(lab.turns[0]!.latency).toBeNull();
    expect(lab.turns[1]).toMatchObject({ speaker: 'customer', endMs: lab.turns[1]!.startMs + 1_000, latency: null });
    expect(lab.turns[2]!.startMs).toBe(lab.turns[1]!.endMs + 960);
    expect(lab.turns[2]!.latency).toEqual({
      endpointingMs: 500,
      transcriptionMs: 100,
      modelFirstTokenMs: 200,
      speechFirstByteMs: 160,
      totalMs: 960,
    });
  });

  it('speaks the first sentence while the model thinks of the next', async () => {
    begin({}, { thinking: () => ({ betweenMs: 100 }) });
    await asked();
    await lab.passUntil(playing(SENTENCES[0]!));
    expect(lab.model.open).toBe(1);
  });

  it('counts what each stage used', async () => {
    begin();
    await asked();
    await lab.passUntil(() => lab.turns.length === 3);
    const usage = lab.of('usage').map(({ usage: one }) => one);
    expect(usage).toContainEqual({ stage: 'speech', provider: 'mouth', characters: GREETING.length });
    expect(usage).toContainEqual({ stage: 'model', provider: 'brain', inputTokens: 10, outputTokens: 5 });
    const heard = usage.find(({ stage }) => stage === 'transcription') as { seconds: number };
    expect(heard.seconds).toBeCloseTo(1.8, 1);
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
    expect(lab.model.requests).toBe(0);
    expect(lab.line.heard[0]).toEqual({ text: 'This call is recorded.', ms: 22 * CHARACTER_MS });
  });

  it('greets who says hello before the greeting is ready', async () => {
    begin({}, { speaking: (request) => ({ delayMs: request === 0 ? 1_000 : 0 }) });
    lab.line.says('Hello?', 600);
    await lab.passUntil(() => lab.turns.length === 2);
    await lab.pass(500);
    expect(lab.script).toEqual(['customer: Hello?', `agent: ${GREETING}`]);
    expect(lab.model.requests).toBe(0);
  });

  it('says audio that is there already without asking anybody', async () => {
    lab = new ConversationLab((own) => ({
      settings: { firstMessage: { text: GREETING, audio: own.line.words.speech(GREETING, 1_000, 'agent') } },
    }));
    await greeted();
    expect(lab.speaker.requests).toBe(0);
    expect(lab.script).toEqual([`agent: ${GREETING}`]);
  });

  it('hears while the customer speaks, where the provider can, from the first syllable on', async () => {
    const heard: number[] = [];
    lab = new ConversationLab((own) => {
      const primary = new StreamingTranscriber('streaming', own.clock, own.line.words);
      const understand = primary.understand.bind(primary);
      primary.understand = (utterance) => {
        heard.push(own.line.words.read(utterance)[0]!.ms);
        return understand(utterance);
      };
      return { settings: { firstMessage: { text: GREETING } }, transcribers: { primary } };
    });
    await asked();
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.script[1]).toBe('customer: When can I come');
    expect(heard).toEqual([1_000]);
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
});

describe('a customer who hangs up', () => {
  it('in the middle of a word is still understood', async () => {
    begin({}, { hearing: () => ({ delayMs: 300 }) });
    await asked('No thank you');
    await lab.pass(500);
    const gone = lab.conversation.hangUp();
    await lab.pass(1_000);
    await gone;
    expect(lab.script).toEqual([`agent: ${GREETING}`, 'customer: No thank you']);
    expect({ end: lab.end, requests: lab.model.requests }).toEqual({ end: undefined, requests: 0 });
  });

  it('while the agent speaks is told what was heard', async () => {
    begin();
    await asked();
    await lab.passUntil(playing(SENTENCES[1]!));
    await lab.conversation.hangUp();
    expect(lab.script.at(-1)).toBe(`agent: ${SENTENCES[0]!} -`);
  });

  it('is not waited for when nobody can hear', async () => {
    begin({}, { hearing: () => ({ fault: 'stall' }) });
    await asked();
    await lab.pass(500);
    const gone = lab.conversation.hangUp();
    await lab.pass(17_000);
    await gone;
    expect(lab.script).toEqual([`agent: ${GREETING}`]);
  });
});

describe('a conversation that breaks', () => {
  const error = new Error('disk full');
  const broken = async (): Promise<void> => {
    await lab.pass(20_000);
    expect(lab.broken).toBe(error);
    expect(lab.leaks).toEqual({ timers: 0, listeners: 0, requests: 0 });
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
  it('stops at once, and only what was heard is remembered', async () => {
    begin({ interruptMs: 300 });
    await asked();
    await lab.passUntil(playing(SENTENCES[1]!));
    await lab.pass(600);
    const spokeMs = lab.line.atMs;
    lab.line.says('Tuesday please', 1_000);
    await lab.passUntil(() => lab.turns.length === 4);
    expect(lab.line.clearedMs[0]! - spokeMs).toBe(300);
    expect(lab.script.slice(2)).toEqual([`agent: ${SENTENCES[0]!} Wednesday at ten is -`, 'customer: Tuesday please']);
    expect(lab.told.slice(3)).toEqual([
      { role: 'assistant', content: `${SENTENCES[0]!} Wednesday at ten is` },
      { role: 'user', content: 'Tuesday please' },
    ]);
  });

  it('does not happen to an agent that is not to be interrupted: it answers afterwards', async () => {
    begin({ interruptible: false });
    await asked();
    await lab.passUntil(playing(SENTENCES[1]!));
    lab.line.says('Tuesday please', 1_000);
    await lab.passUntil(() => lab.turns.length === 5);
    expect(lab.line.clearedMs).toEqual([]);
    // Turns are told when they are over.
    expect(lab.script.slice(2)).toEqual(['customer: Tuesday please', `agent: ${ANSWER}`, `agent: ${ANSWER}`]);
  });

  it('gives up the model and the speech that still come', async () => {
    begin({}, { thinking: () => ({ betweenMs: 150 }) });
    await asked();
    await lab.passUntil(playing(SENTENCES[0]!));
    lab.line.says('Stop', 600);
    await lab.pass(320);
    expect({ open: lab.model.open, givenUp: lab.model.givenUp }).toEqual({ open: 0, givenUp: 1 });
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
    expect(lab.line.heard.slice(1)).toEqual(SENTENCES.map((text) => ({ text, ms: text.length * CHARACTER_MS })));
    expect(lab.model.requests).toBe(1);
  });

  it('takes a transcript without a letter for noise', async () => {
    begin();
    await asked();
    await lab.passUntil(playing(SENTENCES[1]!));
    lab.line.says('…', 400);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.script.at(-1)).toBe(`agent: ${ANSWER}`);
  });

  it('goes on after noise where the model was cut off, too', async () => {
    const answers = [ANSWER, 'Which one do you prefer?'];
    begin({}, { thinking: () => ({ betweenMs: 150 }), answer: () => answers.shift()! });
    await asked();
    await lab.passUntil(playing(SENTENCES[0]!));
    lab.line.says('', 400);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.told.at(-1)).toMatchObject({ role: 'user', content: expect.stringContaining('Go on') });
    expect(lab.told.at(-2)).toEqual({ role: 'assistant', content: SENTENCES[0] });
    expect(lab.script.at(-1)).toBe(`agent: ${SENTENCES[0]!} Which one do you prefer?`);
  });

  it('is not what a short word does; the model hears of it later', async () => {
    begin();
    await asked();
    await lab.passUntil(playing(SENTENCES[0]!));
    lab.line.says('mhm', 200);
    await lab.passUntil(() => lab.turns.length === 4);
    expect(lab.line.clearedMs).toEqual([]);
    expect(lab.script.slice(2)).toEqual(['customer: mhm', `agent: ${ANSWER}`]);
    expect(lab.model.requests).toBe(1);
  });

  it('is remembered as heard in full when it comes with the last word', async () => {
    begin();
    await lab.pass(GREETING.length * CHARACTER_MS - 300);
    lab.line.says('Yes hello', 1_000);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.script.slice(0, 2)).toEqual([`agent: ${GREETING}`, 'customer: Yes hello']);
  });
});

describe('while the agent thinks', () => {
  const slowly = { thinking: () => ({ delayMs: 2_000 }) };

  it('more words are added, and it thinks again', async () => {
    begin({}, slowly);
    await asked();
    await lab.passUntil(() => lab.model.open === 1);
    lab.line.says('on Tuesday', 800);
    await lab.passUntil(() => lab.turns.length === 4);
    expect(lab.model.givenUp).toBe(1);
    expect(lab.told.at(-1)).toEqual({ role: 'user', content: 'When can I come on Tuesday' });
    expect(lab.script.slice(1)).toEqual(['customer: When can I come', 'customer: on Tuesday', `agent: ${ANSWER}`]);
  });

  it('it does not begin to speak while the customer does', async () => {
    begin({}, { thinking: () => ({ delayMs: 200 }) });
    await asked();
    await lab.passUntil(() => lab.model.open === 1);
    lab.line.says('and where are you', 3_000);
    await lab.pass(2_900);
    expect(lab.line.heard.map(({ text }) => text)).toEqual([GREETING]);
  });

  it('noise changes nothing', async () => {
    begin({}, slowly);
    await asked();
    await lab.passUntil(() => lab.model.open === 1);
    lab.line.says('', 400);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.model.requests).toBe(1);
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

describe('the longest duration', () => {
  const limits = { maxDurationMs: 20_000, durationWarning: { text: 'We have ten seconds left.', beforeMs: 10_000 } };

  it('is warned of, then ends the call', async () => {
    begin(limits);
    await lab.passUntil(() => false, 60_000);
    expect(lab.script[1]).toBe('agent: We have ten seconds left.');
    expect(lab.turns[1]!.startMs).toBeCloseTo(10_000, -2);
    expect(lab.end).toEqual({ reason: 'max_duration_reached', detail: null });
    expect(lab.line.atMs).toBeCloseTo(20_000, -2);
  });

  it('is warned of after what is being said', async () => {
    begin(limits, { thinking: () => ({ delayMs: 500 }) });
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
    expect(lab.told.at(-1)).toEqual({ role: 'user', content: '[Keys pressed: 12]' });
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
