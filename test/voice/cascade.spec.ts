import { type ConversationSettings } from '../../src/voice/conversation-settings.js';
import { ANSWER, GREETING, QUESTION, SENTENCES } from './support/appointment.js';
import { CascadeHarness, type CascadeOptions } from './support/cascade-harness.js';
import { CHARACTER_MS, StreamingSpeechToText } from './support/scripted-providers.js';

describe('the cascade pipeline', () => {
  let harness: CascadeHarness;

  /** The agent greets, and the customer asks. */
  const begin = async (options: CascadeOptions = {}, settings: Partial<ConversationSettings> = {}): Promise<void> => {
    harness = new CascadeHarness(() => ({
      answer: () => ANSWER,
      ...options,
      settings: { firstMessage: { text: GREETING }, ...settings },
    }));
    await harness.passUntilTurns(1);
    harness.line.says(QUESTION, 1_000);
  };

  afterEach(() => harness.close());

  it('measures the latency of each stage', async () => {
    await begin({
      hearing: () => ({ delayMs: 100 }),
      thinking: () => ({ delayMs: 200 }),
      speaking: (request) => ({ delayMs: request === 0 ? 0 : 160 }),
    });
    await harness.passUntilTurns(3);
    const [, question, answer] = harness.turns;
    expect(answer!.startMs).toBe(question!.endMs + 960);
    expect(answer!.latency).toEqual({
      endpointingMs: 500,
      transcriptionMs: 100,
      modelFirstTokenMs: 200,
      speechFirstByteMs: 160,
      totalMs: 960,
    });
  });

  it('speaks the first sentence while the model thinks of the next', async () => {
    await begin({ thinking: () => ({ betweenMs: 100 }) });
    await harness.passUntilPlaying(SENTENCES[0]);
    expect(harness.model.open).toBe(1);
  });

  it('counts the usage of each stage', async () => {
    await begin();
    await harness.passUntilTurns(3);
    const usage = harness.of('usage').map(({ usage: one }) => one);
    expect(usage).toContainEqual({ stage: 'speech', provider: 'mouth', characters: GREETING.length });
    expect(usage).toContainEqual({ stage: 'model', provider: 'brain', inputTokens: 10, outputTokens: 5 });
    const transcription = usage.find(({ stage }) => stage === 'transcription') as { seconds: number };
    expect(transcription.seconds).toBeCloseTo(1.8, 1);
  });

  it('transcribes while the customer speaks, from the first syllable on, where the provider can', async () => {
    const lengths: number[] = [];
    harness = new CascadeHarness((own) => {
      const primary = new StreamingSpeechToText('streaming', own.clock, own.line.vocabulary);
      const understand = primary.understand.bind(primary);
      primary.understand = (utterance) => {
        lengths.push(own.line.vocabulary.read(utterance)[0]!.ms);
        return understand(utterance);
      };
      return { settings: { firstMessage: { text: GREETING } }, speechToText: { primary } };
    });
    await harness.passUntilTurns(1);
    harness.line.says(QUESTION, 1_000);
    await harness.passUntilTurns(3);
    expect(harness.script[1]).toBe(`customer: ${QUESTION}`);
    expect(lengths).toEqual([1_000]);
  });

  it('gives the model the played part of an interrupted answer', async () => {
    await begin();
    await harness.passUntilPlaying(SENTENCES[1]);
    await harness.pass(600);
    harness.line.says('Tuesday please', 1_000);
    await harness.passUntilTurns(4);
    expect(harness.modelMessages.slice(3)).toEqual([
      { role: 'assistant', content: `${SENTENCES[0]} Wednesday at ten is` },
      { role: 'user', content: 'Tuesday please' },
    ]);
  });

  it('aborts the request to the model when the customer interrupts', async () => {
    await begin({ thinking: () => ({ betweenMs: 150 }) });
    await harness.passUntilPlaying(SENTENCES[0]);
    harness.line.says('Stop', 600);
    await harness.pass(320);
    expect({ open: harness.model.open, aborted: harness.model.aborted }).toEqual({ open: 0, aborted: 1 });
  });

  it('plays the rest of each sentence after noise, from the sample on where it was cut', async () => {
    await begin();
    await harness.passUntilPlaying(SENTENCES[1]);
    await harness.pass(500);
    harness.line.says('', 400);
    await harness.passUntilTurns(3);
    expect(harness.line.playedTexts.slice(1)).toEqual(
      SENTENCES.map((text) => ({ text, ms: text.length * CHARACTER_MS })),
    );
  });

  it('asks a model that was cut off by noise to go on', async () => {
    const answers = [ANSWER, 'Which one do you prefer?'];
    await begin({ thinking: () => ({ betweenMs: 150 }), answer: () => answers.shift()! });
    await harness.passUntilPlaying(SENTENCES[0]);
    harness.line.says('', 400);
    await harness.passUntilTurns(3);
    expect(harness.modelMessages.at(-1)).toMatchObject({ role: 'user', content: expect.stringContaining('Go on') });
    expect(harness.modelMessages.at(-2)).toEqual({ role: 'assistant', content: SENTENCES[0] });
    expect(harness.script.at(-1)).toBe(`agent: ${SENTENCES[0]} Which one do you prefer?`);
  });

  it('gives the model the words that are added to a question as one message', async () => {
    await begin({ thinking: () => ({ delayMs: 2_000 }) });
    await harness.passUntil(() => harness.model.open === 1);
    harness.line.says('on Tuesday', 800);
    await harness.passUntilTurns(4);
    expect(harness.model.aborted).toBe(1);
    expect(harness.modelMessages.at(-1)).toEqual({ role: 'user', content: `${QUESTION} on Tuesday` });
  });
});
