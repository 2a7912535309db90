import { endCall, sendDtmf, transferCall } from '../../src/voice/tools/call-tools.js';
import { type ToolContext } from '../../src/voice/tools/tool.js';
import { RealtimeLab } from './support/realtime-harness.js';
import { type Answer, type Behaviour, CHARACTER_MS, type Plan, said, toolCall } from './support/scripted-providers.js';

const RUNS = 300;
const FAULTS = ['unavailable', 'rate_limited', 'timeout', 'denied', 'refused', 'stall', 'bug', 'empty'] as const;
const TEXTS = ['Yes.', 'Tuesday at nine is free. Which one do you prefer?', 'One moment please. I have to look it up.'];
const ENDS = ['agent_hangup', 'inactivity', 'max_duration_reached', 'error_llm_provider'];
/** Of the conversation; the call may go on without it. */
const ALL_ENDS = [...ENDS, 'handed over', 'stopped'];

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Run {
  lab: RealtimeLab;
  /** What happens in the next 20 ms. */
  act: () => void;
  /** The customer hangs up at some time. */
  stops: boolean;
  /** Nothing goes wrong. */
  sound: boolean;
}

/** One of `RUNS` conversations: what goes wrong and what the customer does comes from the seed. */
function converse(seed: number): Run {
  const next = random(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!;
  const rate = pick([0, 0.05, 0.3]);
  const speaking: Plan = () => {
    const fault: Behaviour = next() < rate ? { fault: pick(FAULTS), after: Math.floor(next() * 8) } : {};
    return {
      ...fault,
      delayMs: pick([0, 0, 100, 700]),
      betweenMs: pick([0, 0, 50]),
      retryAfterMs: pick([0, 300, 9_000]),
    };
  };
  const hearing: Plan = () => ({
    delayMs: pick([0, 100, 700, 3_000]),
    ...(next() < rate && { fault: pick(['empty', 'stall'] as const) }),
  });
  const answer = (): Answer =>
    next() < 0.75
      ? pick(TEXTS)
      : [
          ...said(pick(['', ...TEXTS])),
          toolCall(
            pick(['end_call', 'transfer_call', 'send_dtmf', 'slow', 'none']),
            pick([{ to: '1', digits: '2', farewell: 'Bye.' }, '{']),
            `c${next()}`,
          ),
        ];
  const lab = new RealtimeLab((own) => {
    const control = {
      sendDtmf: () => (next() < 0.5 ? Promise.resolve() : Promise.reject(new Error('no'))),
      transfer: () =>
        Promise.resolve(next() < 0.5 ? ({ is: 'connected' } as const) : ({ is: 'refused', detail: 'busy' } as const)),
    };
    const slow = (_args: unknown, { signal }: ToolContext) =>
      new Promise<string>((resolve, reject) => {
        const cancel = own.clock.after(pick([100, 5_000]), () => {
          resolve('done');
        });
        signal.addEventListener('abort', () => {
          cancel();
          reject(new Error('aborted'));
        });
      });
    const recorded = (text: string) => ({
      text,
      audio: pick([undefined, own.line.words.speech(text, text.length * CHARACTER_MS, 'agent')]),
    });
    return {
      script: { answer, speaking, hearing },
      tools: [
        ...[endCall(), transferCall([{ number: '1', description: 'desk' }], control), sendDtmf(control)],
        {
          definition: { name: 'slow', description: '', parameters: {} },
          filler: pick([undefined, 'One moment.']),
          timeoutMs: 2_000,
          run: slow,
        },
      ],
      settings: {
        firstSpeaker: pick(['agent', 'customer']),
        firstMessage: pick([undefined, recorded('Hello, this is Anna.')]),
        notice: pick([undefined, undefined, recorded('This call is recorded.')]),
        apology: pick([{ text: '' }, recorded('I am sorry.')]),
        silence: {
          afterMs: 1_500,
          prompt: recorded('Hello?'),
          times: 1,
          farewell: pick([undefined, recorded('Bye then.')]),
        },
        // The long one is never reached: whoever hangs is found.
        maxDurationMs: pick([8_000, 600_000, 600_000]),
        durationWarning: pick([undefined, { ...recorded('Not much time left.'), beforeMs: 3_000 }]),
        limits: { transcriptionMs: 900, modelFirstMs: 900, modelNextMs: 500, speechFirstMs: 900, speechNextMs: 500 },
      },
    };
  });
  const act = (): void => {
    if (lab.line.atMs > 10_000) return;
    if (next() < 0.01)
      lab.line.says(pick(['Yes', 'No wait', 'I need an appointment', '', '']), pick([100, 300, 500, 1_500]));
    if (next() < 0.001) lab.conversation.dtmf(pick(['1', '#']));
    if (next() < rate / 300) lab.provider.sessions.at(-1)?.break(pick(['unavailable', 'rate_limited']));
  };
  return { lab, act, stops: next() < 0.1, sound: rate === 0 };
}

/** The transcript has the agent's words that were played, a part of a word aside, and no others. */
function expectHonest({ line, turns }: RealtimeLab, seed: number): void {
  const letters = (text: string): number => text.replaceAll(' ', '').length;
  const agent = turns.filter(({ speaker }) => speaker === 'agent');
  const told = agent.reduce((sum, { text }) => sum + letters(text), 0);
  const played = line.heard.reduce((sum, { ms }) => sum + ms / CHARACTER_MS, 0);
  expect({ seed, tooMuch: told > played + 4 * agent.length }).toEqual({ seed, tooMuch: false });
  const least = played * 0.55 - 12 * (agent.length + 1);
  expect({ seed, tooLittle: told < least }).toEqual({ seed, tooLittle: false });
}

it(`${RUNS} conversations with faults all end, and leave nothing behind`, async () => {
  const rejections: unknown[] = [];
  const note = (reason: unknown): void => void rejections.push(reason);
  process.on('unhandledRejection', note);
  const reasons = new Map<string, number>();
  try {
    for (let seed = 1; seed <= RUNS; seed++) {
      const { lab, act, stops, sound } = converse(seed);
      const stopAtMs = stops ? (seed * 37) % 9_000 : Infinity;
      await lab.passUntil(() => (act(), lab.conversation.handedOver || lab.line.atMs >= stopAtMs), 90_000);
      if (stops && seed % 2) lab.conversation.stop();
      else if (stops) {
        const gone = lab.conversation.hangUp();
        await lab.clock.advance(10_000);
        await gone;
      }
      await lab.clock.advance(0);
      const end = lab.conversation.handedOver ? 'handed over' : (lab.end?.reason ?? (stops ? 'stopped' : 'none'));
      const outcome = { seed, end, broken: lab.broken, ...lab.leaks };
      expect(outcome).toEqual({
        ...{ seed, broken: undefined, timers: 0, listeners: 0, sessions: 0 },
        end: expect.stringMatching(`^(${ALL_ENDS.join('|')})$`),
      });
      if (sound) expectHonest(lab, seed);
      reasons.set(outcome.end, (reasons.get(outcome.end) ?? 0) + 1);
    }
  } finally {
    process.off('unhandledRejection', note);
  }
  expect(rejections).toEqual([]);
  // Otherwise it would prove little.
  expect([...reasons.keys()].sort()).toEqual([...ALL_ENDS].sort());
});
