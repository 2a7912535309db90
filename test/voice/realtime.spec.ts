import { type ConversationSettings } from '../../src/voice/conversation-settings.js';
import { endCall } from '../../src/voice/tools/call-tools.js';
import { type Tool } from '../../src/voice/tools/tool.js';
import { ANSWER, GREETING, QUESTION, SENTENCES } from './support/appointment.js';
import { RealtimeHarness, type RealtimeOptions } from './support/realtime-harness.js';
import { type Answer, said, toolCall } from './support/scripted-providers.js';
import { resultsOf, usesOf } from './support/tool-harness.js';

describe('the realtime pipeline', () => {
  let harness: RealtimeHarness;

  /** The agent greets, and the customer asks. */
  const begin = async (options: RealtimeOptions = {}, settings: Partial<ConversationSettings> = {}): Promise<void> => {
    harness = new RealtimeHarness(() => ({
      answer: () => ANSWER,
      ...options,
      settings: { firstMessage: { text: GREETING }, ...settings },
    }));
    await harness.passUntilTurns(1);
    harness.line.says(QUESTION, 1_000);
  };

  afterEach(() => harness.close());

  it('has the model say the first message exactly, without tools', async () => {
    await begin();
    expect(harness.session.orders).toEqual([
      { instructions: expect.stringContaining(`“${GREETING}”`), mayUseTools: false },
    ]);
    await harness.passUntilTurns(3);
    expect(harness.session.cuts).toEqual([]);
  });

  it('adds recorded speech to the session', async () => {
    harness = new RealtimeHarness((own) => ({
      settings: { firstMessage: { text: GREETING, audio: own.line.vocabulary.speech(GREETING, 1_000, 'agent') } },
    }));
    await harness.passUntilTurns(1);
    expect(harness.modelMessages.at(-1)).toEqual({ role: 'assistant', content: GREETING });
  });

  it('answers before the transcript comes', async () => {
    await begin({ hearing: () => ({ delayMs: 2_000 }), thinking: () => ({ delayMs: 200 }) });
    await harness.passUntilPlaying(SENTENCES[0]);
    expect(harness.turns.length).toBe(1);
    await harness.passUntilTurns(3);
    expect(harness.script.slice(1)).toEqual([`customer: ${QUESTION}`, `agent: ${ANSWER}`]);
    expect(harness.turns[2]!.startMs).toBe(harness.turns[1]!.endMs + 700);
  });

  it('measures the latency of the model', async () => {
    await begin({ hearing: () => ({ delayMs: 100 }), thinking: () => ({ delayMs: 200, betweenMs: 40 }) });
    await harness.passUntilTurns(3);
    expect(harness.turns[2]!.latency).toEqual({
      endpointingMs: 500,
      transcriptionMs: 0,
      modelFirstTokenMs: 200,
      speechFirstByteMs: 40,
      totalMs: 740,
    });
  });

  it('counts the usage of the model', async () => {
    await begin();
    const usage = { stage: 'model', provider: 'voice', inputTokens: 10, outputTokens: 5 };
    expect(harness.of('usage')).toEqual([{ type: 'usage', usage }]);
  });

  it('truncates a greeting of which nothing was played', async () => {
    harness = new RealtimeHarness(() => ({
      settings: { firstMessage: { text: GREETING } },
      greeting: { delayMs: 3_000 },
    }));
    harness.line.says('Hello?', 600);
    await harness.passUntilTurns(2);
    expect(harness.session.cuts).toEqual([0]);
  });

  it('cancels the answer to noise as long as the model has not begun', async () => {
    await begin({ thinking: () => ({ delayMs: 800 }) });
    await harness.passUntilTurns(3);
    await harness.pass(200);
    harness.line.says('', 400);
    await harness.pass(3_000);
    expect(harness.script.slice(3)).toEqual([]);
    expect(harness.session.cuts).toEqual([0]);
  });

  describe('when the customer interrupts', () => {
    it('truncates the answer at the played part', async () => {
      await begin();
      await harness.passUntilPlaying(SENTENCES[1]);
      await harness.pass(600);
      harness.line.says('Tuesday please', 1_000);
      await harness.passUntilTurns(4);
      const playedMs = harness.line.playedTexts.slice(1, 3).reduce((sum, { ms }) => sum + ms, 0);
      expect(harness.session.cuts).toEqual([playedMs]);
    });

    it('stops a model that still speaks', async () => {
      await begin({ thinking: () => ({ betweenMs: 90 }) });
      await harness.passUntilPlaying(SENTENCES[0]);
      harness.line.says('Stop', 600);
      await harness.passUntilTurns(4);
      expect(harness.session.cuts.length).toBe(1);
      expect(harness.modelMessages.at(-2)).toEqual({ role: 'user', content: 'Stop' });
    });

    it('truncates nothing when it was noise, and plays what the model said meanwhile', async () => {
      await begin({ thinking: () => ({ betweenMs: 90 }) });
      await harness.passUntilPlaying(SENTENCES[0]);
      harness.line.says('…', 400);
      await harness.passUntilTurns(3);
      expect(harness.script.at(-1)).toBe(`agent: ${ANSWER}`);
      expect({ answers: harness.answers, cuts: harness.session.cuts }).toEqual({ answers: 1, cuts: [] });
    });

    it.each([{ fault: 'empty' }, { fault: 'stall' }] as const)(
      'takes speech without a transcript for an interruption: $fault',
      async (behaviour) => {
        await begin({ hearing: (utterance) => (utterance === 1 ? behaviour : {}) });
        await harness.passUntilPlaying(SENTENCES[1]);
        harness.line.says('Tuesday please', 1_000);
        await harness.passUntilTurns(4);
        expect(harness.script.slice(2)).toEqual([`agent: ${SENTENCES[0]} -`, `agent: ${ANSWER}`]);
      },
    );

    it('has a short word in the session that stops no speech', async () => {
      await begin();
      await harness.passUntilPlaying(SENTENCES[0]);
      harness.line.says('mhm', 200);
      await harness.passUntilTurns(4);
      expect(harness.modelMessages.at(-1)).toEqual({ role: 'user', content: 'mhm' });
    });

    it('tells the model in words how much of a recording was played', async () => {
      harness = new RealtimeHarness((own) => ({
        settings: { firstMessage: { text: GREETING, audio: own.line.vocabulary.speech(GREETING, 3_000, 'agent') } },
      }));
      await harness.pass(1_200);
      harness.line.says('Who is there', 800);
      await harness.passUntilTurns(3);
      expect(harness.script[0]).toBe('agent: Hello, this is -');
      expect(harness.modelMessages.slice(1, 4)).toEqual([
        { role: 'assistant', content: GREETING },
        { role: 'user', content: 'Who is there' },
        { role: 'user', content: '[Of your last words I have heard only: “Hello, this is”]' },
      ]);
    });

    it('cancels an answer that has not begun', async () => {
      await begin({ thinking: () => ({ delayMs: 2_000 }) });
      await harness.passUntil(() => harness.answers === 1);
      harness.line.says('on Tuesday', 800);
      await harness.passUntilTurns(4);
      expect(harness.session.cuts).toEqual([0]);
    });
  });

  it('counts inactivity from 0 after speech without a transcript', async () => {
    const silence = { afterMs: 3_000, prompt: { text: 'Are you still there?' }, times: 1, farewell: undefined };
    harness = new RealtimeHarness(() => ({
      answer: () => ANSWER,
      settings: { firstMessage: { text: GREETING }, silence },
      hearing: () => ({ fault: 'empty' }),
    }));
    await harness.passUntilTurns(2);
    harness.line.says('Yes I am', 800);
    await harness.pass(60_000);
    const prompt = 'agent: Are you still there?';
    expect(harness.script.slice(1)).toEqual([prompt, `agent: ${ANSWER}`, prompt]);
  });

  describe('with tools', () => {
    const words = 'I connect you with the front desk.';
    const lookUp = (more: Partial<Tool> = {}): Tool => ({
      definition: { name: 'look_up', description: 'Looks up the calendar', parameters: { type: 'object' } },
      timeoutMs: 2_000,
      run: () =>
        new Promise<string>((resolve) =>
          harness.clock.after(1_500, () => {
            resolve('free');
          }),
        ),
      ...more,
    });
    const beginWith = async (
      answers: Answer[],
      tools: Tool[],
      thinking?: RealtimeOptions['thinking'],
    ): Promise<void> => {
      const answer = (): Answer => (answers.length > 1 ? answers.shift()! : answers[0]!);
      await begin({ tools, answer, ...(thinking && { thinking }) });
    };

    it('has the model say a filler exactly, without tools', async () => {
      await beginWith([[toolCall('look_up')], 'It is free.'], [lookUp({ filler: 'One moment, I look it up.' })]);
      await harness.passUntilTurns(3);
      const order = { instructions: expect.stringContaining('One moment'), mayUseTools: false };
      expect(harness.session.orders.at(-2)).toEqual(order);
    });

    it('does not hang up when the customer interrupts a goodbye that is being played', async () => {
      const goodbye = [...said('Thank you for calling, goodbye and have a nice day.'), toolCall('end_call')];
      await beginWith([goodbye, 'Of course, what else is there?'], [endCall()], () => ({ betweenMs: 95 }));
      await harness.passUntil(() => harness.line.playedTexts.length === 2);
      await harness.pass(500);
      harness.line.says('Wait', 600);
      await harness.passUntilTurns(5);
      expect(harness.end).toBeUndefined();
      expect(harness.script.at(-1)).toBe('agent: Of course, what else is there?');
    });

    it('runs a tool once only when noise interrupts it, and gives the model an unknown result', async () => {
      await beginWith([[...said(words), toolCall('look_up')], 'I look again.'], [lookUp()]);
      await harness.passUntilTurns(2);
      harness.line.says('', 500);
      await harness.passUntilTurns(3);
      expect(usesOf(harness).map(({ error }) => error)).toEqual(['Interrupted']);
      expect(resultsOf(harness)).toEqual([expect.stringMatching(/^Error: interrupted/)]);
      expect(harness.script.at(-1)).toBe(`agent: ${words} I look again.`);
    });
  });
});
