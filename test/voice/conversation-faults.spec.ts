import { congestionTone } from '../../src/lib/audio/congestion-tone.js';
import { type ConversationSettings } from '../../src/voice/conversation/conversation-settings.js';
import { ConversationLab, type LabOptions } from './support/conversation-harness.js';
import {
  type Behaviour,
  CHARACTER_MS,
  ScriptedModel,
  ScriptedSpeaker,
  ScriptedTranscriber,
  StreamingTranscriber,
} from './support/scripted-providers.js';

const GREETING = 'Hello, this is Anna from the clinic.';
const ANSWER = 'Tuesday at nine is free. Wednesday at ten is free as well.';
const [FIRST, SECOND] = ANSWER.split(/(?<=\.) /) as [string, string];
const APOLOGY = 'I am sorry, something is broken here.';

let lab: ConversationLab;

const begin = async (
  build: (own: ConversationLab) => LabOptions,
  settings: Partial<ConversationSettings> = {},
): Promise<void> => {
  lab = new ConversationLab((own) => ({
    answer: () => ANSWER,
    ...build(own),
    settings: { firstMessage: { text: GREETING }, apology: { text: APOLOGY }, ...settings },
  }));
  await lab.passUntil(() => lab.turns.length === 1);
  lab.line.says('When can I come', 1_000);
};
const over = () => lab.passUntil(() => false, 60_000);
const heard = () => lab.line.heard.map(({ text }) => text);
const faults = () =>
  lab.of('fault').map(({ fault }) => `${fault.stage} ${fault.provider} ${fault.fault} ${fault.then.action}`);
/** Fails at these requests, counted from 0. */
const at =
  (requests: number[], behaviour: Behaviour) =>
  (request: number): Behaviour =>
    requests.includes(request) ? behaviour : {};
const ALWAYS = Array.from({ length: 50 }, (_, n) => n);
/** The greeting and the apology are synthesised before. */
const LATER = ALWAYS.slice(2);

afterEach(async () => {
  lab.conversation.stop();
  await lab.clock.advance(0);
  expect(lab.leaks).toEqual({ timers: 0, listeners: 0, requests: 0 });
  expect(lab.broken).toBeUndefined();
});

const KINDS: Behaviour[] = [
  { fault: 'unavailable' },
  { fault: 'rate_limited', retryAfterMs: 300 },
  { fault: 'stall' },
  { fault: 'bug' },
];

describe.each(KINDS)('a stage that fails once ($fault)', (kind) => {
  it.each(['hearing', 'thinking', 'speaking'] as const)('is asked again: %s', async (stage) => {
    await begin(() => ({ [stage]: at([stage === 'speaking' ? 2 : 0], kind) }));
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.script).toEqual([`agent: ${GREETING}`, 'customer: When can I come', `agent: ${ANSWER}`]);
    expect(heard()).toEqual([GREETING, FIRST, SECOND]);
    expect(lab.of('fault').map(({ fault }) => fault.then.action)).toEqual(['retry']);
  });
});

describe('a stage that goes on failing', () => {
  it.each([
    ['hearing', 'error_speech_provider', ALWAYS],
    ['thinking', 'error_llm_provider', ALWAYS],
    ['speaking', 'error_speech_provider', LATER],
  ] as const)('ends the call with an apology: %s', async (stage, reason, requests) => {
    await begin(() => ({ [stage]: at([...requests], { fault: 'unavailable' }) }));
    await over();
    expect(lab.line.heard.at(-1)).toEqual({ text: APOLOGY, ms: APOLOGY.length * CHARACTER_MS });
    expect(lab.end).toEqual({ reason, detail: expect.stringContaining('scripted: unavailable') });
    expect(lab.script.at(-1)).toBe(`agent: ${APOLOGY}`);
    expect(lab.of('fault').map(({ fault }) => fault.then.action)).toEqual(['retry', 'give_up']);
  });

  it.each(['denied', 'refused'] as const)('is not asked again when that is no use: %s', async (fault) => {
    await begin(() => ({ thinking: at(ALWAYS, { fault }) }));
    await over();
    expect(faults()).toEqual([`model brain ${fault} give_up`]);
    expect(lab.end?.reason).toBe('error_llm_provider');
  });

  it('is not waited for when it is busy for long', async () => {
    await begin(() => ({ thinking: at(ALWAYS, { fault: 'rate_limited', retryAfterMs: 60_000 }) }));
    await over();
    expect(faults()).toEqual(['model brain rate_limited give_up']);
  });

  it('ends it with a tone when nobody could ever speak', async () => {
    lab = new ConversationLab(() => ({
      settings: { firstMessage: { text: GREETING }, apology: { text: APOLOGY } },
      speaking: () => ({ fault: 'denied' }),
    }));
    await over();
    expect(heard()).toEqual([]);
    expect(lab.line.played).toEqual([...congestionTone()].filter((sample) => sample !== 0));
    expect(lab.turns).toEqual([]);
    expect(lab.end?.reason).toBe('error_speech_provider');
  });

  it('ends it with an apology that was made elsewhere', async () => {
    lab = new ConversationLab((own) => ({
      settings: {
        firstMessage: { text: GREETING },
        apology: { text: APOLOGY, audio: own.line.words.speech(APOLOGY, 1_000, 'agent') },
      },
      speaking: () => ({ fault: 'stall', deaf: true }),
    }));
    await over();
    expect(heard()).toEqual([APOLOGY]);
    expect(lab.end?.reason).toBe('error_speech_provider');
    lab.speaker.open = 0; // It never answers, and nobody waits for it.
  });

  it('says nothing: that is a fault, too', async () => {
    await begin(() => ({ thinking: at(ALWAYS, { fault: 'empty' }) }));
    await over();
    expect(faults()).toEqual(['model brain unavailable retry', 'model brain unavailable give_up']);
  });

  it('makes no sound: that is a fault, too', async () => {
    await begin(() => ({ speaking: at(LATER, { fault: 'empty' }) }));
    await over();
    expect(lab.end?.reason).toBe('error_speech_provider');
    expect(heard()).toEqual([GREETING, APOLOGY]);
  });
});

describe('a fallback', () => {
  const down = (requests: number[]) => at(requests, { fault: 'unavailable' });

  it('transcribes', async () => {
    await begin((own) => ({
      transcribers: {
        primary: new ScriptedTranscriber('ears', own.clock, own.line.words, down(ALWAYS)),
        fallback: new ScriptedTranscriber('other ears', own.clock, own.line.words),
      },
    }));
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.script[1]).toBe('customer: When can I come');
    expect(faults()).toEqual(['transcription ears unavailable retry', 'transcription ears unavailable fallback']);
  });

  it('transcribes the whole utterance when the one that listened breaks off', async () => {
    await begin((own) => ({
      transcribers: {
        primary: new StreamingTranscriber('ears', own.clock, own.line.words, down(ALWAYS)),
        fallback: new ScriptedTranscriber('other ears', own.clock, own.line.words),
      },
    }));
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.script[1]).toBe('customer: When can I come');
  });

  it('thinks, and is asked first from then on', async () => {
    let other: ScriptedModel | undefined;
    await begin((own) => ({
      models: {
        primary: new ScriptedModel('brain', own.clock, () => '', down(ALWAYS)),
        fallback: (other = new ScriptedModel('other brain', own.clock, () => ANSWER)),
      },
    }));
    await lab.passUntil(() => lab.turns.length === 3);
    lab.line.says('And then', 800);
    await lab.passUntil(() => lab.turns.length === 5);
    expect(faults()).toEqual(['model brain unavailable retry', 'model brain unavailable fallback']);
    expect(other!.requests).toBe(2);
  });

  it('speaks the rest of a sentence the first one broke off', async () => {
    let other: ScriptedSpeaker | undefined;
    await begin((own) => ({
      speakers: {
        primary: new ScriptedSpeaker('mouth', own.clock, own.line.words, at(LATER, { fault: 'unavailable', after: 3 })),
        fallback: (other = new ScriptedSpeaker('other mouth', own.clock, own.line.words)),
      },
    }));
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.line.heard.slice(1)).toEqual([FIRST, SECOND].map((text) => ({ text, ms: text.length * CHARACTER_MS })));
    expect(other!.texts).toEqual([FIRST, SECOND]);
  });

  it('goes on where the model broke off', async () => {
    await begin((own) => ({
      models: {
        primary: new ScriptedModel('brain', own.clock, () => ANSWER, at(ALWAYS, { fault: 'unavailable', after: 7 })),
        fallback: new ScriptedModel('other brain', own.clock, (messages) =>
          messages.at(-1)?.content.startsWith('[You were cut off') ? SECOND : ANSWER,
        ),
      },
    }));
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.script.at(-1)).toContain(FIRST);
    expect(heard().at(-1)).toBe(SECOND);
  });
});
