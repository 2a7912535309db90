import { congestionTone } from '../../src/lib/audio/tones.js';
import { type ConversationSettings } from '../../src/voice/conversation-settings.js';
import { GREETING, QUESTION } from './support/appointment.js';
import { CascadeHarness, type CascadeOptions } from './support/cascade-harness.js';
import {
  type Behaviour,
  CHARACTER_MS,
  type Plan,
  ScriptedModel,
  ScriptedSpeechToText,
  ScriptedTextToSpeech,
  StreamingSpeechToText,
} from './support/scripted-providers.js';

const ANSWER = 'Tuesday at nine is free. Wednesday at ten is free as well.';
const [FIRST, SECOND] = ANSWER.split(/(?<=\.) /) as [string, string];
const FAILURE_MESSAGE = 'I am sorry, something is broken here.';

const always =
  (behaviour: Behaviour): Plan =>
  () =>
    behaviour;
const at =
  (one: number, behaviour: Behaviour): Plan =>
  (request) =>
    request === one ? behaviour : {};
/** Of synthesis: the greeting and the failure message come first. */
const afterGreeting =
  (behaviour: Behaviour): Plan =>
  (request) =>
    request >= 2 ? behaviour : {};

describe('the cascade pipeline with faults', () => {
  let harness: CascadeHarness;

  const begin = async (
    build: (own: CascadeHarness) => CascadeOptions,
    settings: Partial<ConversationSettings> = {},
  ): Promise<void> => {
    harness = new CascadeHarness((own) => ({
      answer: () => ANSWER,
      ...build(own),
      settings: { firstMessage: { text: GREETING }, failureMessage: { text: FAILURE_MESSAGE }, ...settings },
    }));
    await harness.passUntilTurns(1);
    harness.line.says(QUESTION, 1_000);
  };
  const ended = () => harness.pass(60_000);
  const played = () => harness.line.playedTexts.map(({ text }) => text);

  afterEach(() => harness.close());

  describe.each<Behaviour>([
    { fault: 'unavailable' },
    { fault: 'rate_limited', retryAfterMs: 300 },
    { fault: 'stall' },
    { fault: 'bug' },
  ])('in a stage that fails once ($fault)', (behaviour) => {
    it.each(['hearing', 'thinking', 'speaking'] as const)('asks it again: %s', async (stage) => {
      await begin(() => ({ [stage]: at(stage === 'speaking' ? 2 : 0, behaviour) }));
      await harness.passUntilTurns(3);
      expect(harness.script).toEqual([`agent: ${GREETING}`, `customer: ${QUESTION}`, `agent: ${ANSWER}`]);
      expect(played()).toEqual([GREETING, FIRST, SECOND]);
      expect(harness.of('fault').map(({ fault }) => fault.then.action)).toEqual(['retry']);
    });
  });

  describe('in a stage that fails for good', () => {
    it.each([
      ['hearing', 'error_speech_provider', always],
      ['thinking', 'error_llm_provider', always],
      ['speaking', 'error_speech_provider', afterGreeting],
    ] as const)(
      'ends the call with the failure message that was synthesized before: %s',
      async (stage, reason, plan) => {
        await begin(() => ({ [stage]: plan({ fault: 'unavailable' }) }));
        await ended();
        expect(harness.line.playedTexts.at(-1)).toEqual({
          text: FAILURE_MESSAGE,
          ms: FAILURE_MESSAGE.length * CHARACTER_MS,
        });
        expect(harness.end).toEqual({ reason, detail: expect.stringContaining('scripted: unavailable') });
        expect(harness.script.at(-1)).toBe(`agent: ${FAILURE_MESSAGE}`);
        expect(harness.of('fault').map(({ fault }) => fault.then.action)).toEqual(['retry', 'give_up']);
      },
    );

    it('ends it with a tone when no speech could ever be synthesized', async () => {
      harness = new CascadeHarness(() => ({
        settings: { firstMessage: { text: GREETING }, failureMessage: { text: FAILURE_MESSAGE } },
        speaking: always({ fault: 'denied' }),
      }));
      await ended();
      expect(played()).toEqual([]);
      expect(harness.line.played).toEqual([...congestionTone()].filter((sample) => sample !== 0));
      expect(harness.turns).toEqual([]);
      expect(harness.end?.reason).toBe('error_speech_provider');
    });

    it('ends it with the recorded failure message when synthesis stalls', async () => {
      harness = new CascadeHarness((own) => ({
        settings: {
          firstMessage: { text: GREETING },
          failureMessage: { text: FAILURE_MESSAGE, audio: own.line.vocabulary.speech(FAILURE_MESSAGE, 1_000, 'agent') },
        },
        speaking: always({ fault: 'stall', ignoresAbort: true }),
      }));
      await ended();
      expect(played()).toEqual([FAILURE_MESSAGE]);
      expect(harness.end?.reason).toBe('error_speech_provider');
      // Such a request never ends, and the conversation does not wait for it.
      harness.textToSpeech.open = 0;
    });

    it('takes synthesis without a sound for a fault', async () => {
      await begin(() => ({ speaking: afterGreeting({ fault: 'empty' }) }));
      await ended();
      expect(harness.end?.reason).toBe('error_speech_provider');
      expect(played()).toEqual([GREETING, FAILURE_MESSAGE]);
    });
  });

  describe('with a fallback', () => {
    const down: Behaviour = { fault: 'unavailable' };

    it('transcribes', async () => {
      await begin(({ clock, line }) => ({
        speechToText: {
          primary: new ScriptedSpeechToText('ears', clock, line.vocabulary, always(down)),
          fallback: new ScriptedSpeechToText('other ears', clock, line.vocabulary),
        },
      }));
      await harness.passUntilTurns(3);
      expect(harness.script[1]).toBe(`customer: ${QUESTION}`);
      expect(harness.faults).toEqual([
        'transcription ears unavailable retry',
        'transcription ears unavailable fallback',
      ]);
    });

    it('transcribes the whole utterance when the first stream breaks', async () => {
      await begin(({ clock, line }) => ({
        speechToText: {
          primary: new StreamingSpeechToText('ears', clock, line.vocabulary, always(down)),
          fallback: new ScriptedSpeechToText('other ears', clock, line.vocabulary),
        },
      }));
      await harness.passUntilTurns(3);
      expect(harness.script[1]).toBe(`customer: ${QUESTION}`);
    });

    it('thinks, and asks the fallback first from then on', async () => {
      let fallback: ScriptedModel | undefined;
      await begin(({ clock }) => ({
        model: {
          primary: new ScriptedModel('brain', clock, () => '', always(down)),
          fallback: (fallback = new ScriptedModel('other brain', clock, () => ANSWER)),
        },
      }));
      await harness.passUntilTurns(3);
      harness.line.says('And then', 800);
      await harness.passUntilTurns(5);
      expect(harness.faults).toEqual(['model brain unavailable retry', 'model brain unavailable fallback']);
      expect(fallback!.requests).toBe(2);
    });

    it('speaks the rest of a sentence that the first one broke off', async () => {
      let fallback: ScriptedTextToSpeech | undefined;
      const broken = afterGreeting({ fault: 'unavailable', after: 3 });
      await begin(({ clock, line }) => ({
        textToSpeech: {
          primary: new ScriptedTextToSpeech('mouth', clock, line.vocabulary, broken),
          fallback: (fallback = new ScriptedTextToSpeech('other mouth', clock, line.vocabulary)),
        },
      }));
      await harness.passUntilTurns(3);
      const whole = [FIRST, SECOND].map((text) => ({ text, ms: text.length * CHARACTER_MS }));
      expect(harness.line.playedTexts.slice(1)).toEqual(whole);
      expect(fallback!.texts).toEqual([FIRST, SECOND]);
    });

    it('goes on where the first model broke off', async () => {
      await begin(({ clock }) => ({
        model: {
          primary: new ScriptedModel('brain', clock, () => ANSWER, always({ fault: 'unavailable', after: 7 })),
          fallback: new ScriptedModel('other brain', clock, (messages) =>
            messages.at(-1)?.content.startsWith('[You were cut off') ? SECOND : ANSWER,
          ),
        },
      }));
      await harness.passUntilTurns(3);
      expect(harness.script.at(-1)).toContain(FIRST);
      expect(played().at(-1)).toBe(SECOND);
    });
  });
});
