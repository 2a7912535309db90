import { endCall, sendDtmf, transferCall } from '../../src/voice/tools/call-tools.js';
import { type ToolContext } from '../../src/voice/tools/tool.js';
import { ConversationLab } from './support/conversation-harness.js';
import { random } from './support/random.js';
import {
  type Answer,
  type Behaviour,
  CHARACTER_MS,
  type Plan,
  said,
  ScriptedModel,
  ScriptedSpeaker,
  ScriptedTranscriber,
  StreamingTranscriber,
  toolCall,
} from './support/scripted-providers.js';

const RUNS = 1_000;
const FAULTS = ['unavailable', 'rate_limited', 'timeout', 'denied', 'refused', 'stall', 'bug', 'empty'] as const;
const TEXTS = ['Yes.', 'Tuesday at nine is free. Which one do you prefer?', 'One moment please. I have to look it up.'];
const ENDS = ['agent_hangup', 'inactivity', 'max_duration_reached', 'error_speech_provider', 'error_llm_provider'];
/** Of the conversation; the call may go on without it. */
const ALL_ENDS = [...ENDS, 'handed over', 'stopped'];

interface Run {
  lab: ConversationLab;
  /** What the customer does in the next 20 ms. */
  act: () => void;
  /** The customer hangs up at some time. */
  stops: boolean;
  /** Nothing goes wrong. */
  sound: boolean;
  providers: { open: number }[];
}

/** One of `RUNS` conversations: who takes part, what goes wrong and what the customer does comes from the seed. */
function converse(seed: number): Run {
  const next = random(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!;
  const rate = pick([0, 0.05, 0.3]);
  const behaviour: Plan = () => {
    const fault: Behaviour = next() < rate ? { fault: pick(FAULTS), after: Math.floor(next() * 4) } : {};
    return {
      ...fault,
      delayMs: pick([0, 0, 100, 700]),
      betweenMs: pick([0, 0, 50]),
      retryAfterMs: pick([0, 300, 9_000]),
    };
  };
  const answer = (): Answer =>
    next() < 0.75
      ? pick(TEXTS)
      : [
          ...said(pick(['', ...TEXTS])),
          toolCall(
            pick(['end_call', 'transfer_call', 'send_dtmf', 'slow', 'none']),
            pick([{ to: '1', digits: '2' }, '{']),
            `c${next()}`,
          ),
        ];
  const all: { open: number }[] = [];
  const lab = new ConversationLab((own) => {
    const names = next() < 0.5 ? ['a', 'b'] : ['a'];
    const providers = <P extends { open: number }>(make: (name: string) => P) => {
      const [primary, fallback] = names.map(make);
      all.push(...[primary!, fallback].filter((provider) => provider !== undefined));
      return { primary: primary!, fallback };
    };
    const Ears = pick([ScriptedTranscriber, StreamingTranscriber]);
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
    return {
      transcribers: providers((name) => new Ears(name, own.clock, own.line.words, behaviour)),
      models: providers((name) => new ScriptedModel(name, own.clock, answer, behaviour)),
      speakers: providers((name) => new ScriptedSpeaker(name, own.clock, own.line.words, behaviour)),
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
        firstMessage: pick([undefined, { text: 'Hello, this is Anna.' }]),
        notice: pick([undefined, undefined, { text: 'This call is recorded.' }]),
        apology: pick([{ text: '' }, { text: 'I am sorry.' }]),
        silence: {
          afterMs: 1_500,
          prompt: { text: 'Hello?' },
          times: 1,
          farewell: pick([undefined, { text: 'Bye then.' }]),
        },
        // The long one is never reached: whoever hangs is found.
        maxDurationMs: pick([8_000, 600_000, 600_000]),
        durationWarning: pick([undefined, { text: 'Not much time left.', beforeMs: 3_000 }]),
        limits: { transcriptionMs: 900, modelFirstMs: 900, modelNextMs: 500, speechFirstMs: 900, speechNextMs: 500 },
      },
    };
  });
  const act = (): void => {
    if (lab.line.atMs > 10_000) return;
    if (next() < 0.01)
      lab.line.says(pick(['Yes', 'No wait', 'I need an appointment', '', '']), pick([100, 300, 500, 1_500]));
    if (next() < 0.001) lab.conversation.dtmf(pick(['1', '#']));
  };
  return { lab, act, stops: next() < 0.1, sound: rate === 0, providers: all };
}

/** The transcript has the agent's words that were played, a part of a word aside, and no others. */
function expectHonest({ line, turns }: ConversationLab): void {
  const agent = turns.filter(({ speaker }) => speaker === 'agent');
  const told = agent.reduce((sum, { text }) => sum + text.replaceAll(' ', '').length, 0);
  const played = line.heard.reduce(
    (sum, { text, ms }) => sum + (ms / CHARACTER_MS) * (text.replaceAll(' ', '').length / text.length),
    0,
  );
  expect(told).toBeLessThanOrEqual(played + 2 * agent.length);
  expect(told).toBeGreaterThanOrEqual(played - 12 * (agent.length + 1));
}

it(`${RUNS} conversations with faults at every stage all end, and leave nothing behind`, async () => {
  const rejections: unknown[] = [];
  const note = (reason: unknown): void => void rejections.push(reason);
  process.on('unhandledRejection', note);
  const reasons = new Map<string, number>();
  try {
    for (let seed = 1; seed <= RUNS; seed++) {
      const { lab, act, stops, sound, providers } = converse(seed);
      const stopAtMs = stops ? seed * 7 : Infinity;
      await lab.passUntil(() => (act(), lab.conversation.handedOver || lab.line.atMs >= stopAtMs), 90_000);
      if (stops && seed % 2) lab.conversation.stop();
      else if (stops) {
        const gone = lab.conversation.hangUp();
        await lab.clock.advance(10_000);
        await gone;
      }
      await lab.clock.advance(0);
      const left = { ...lab.leaks, requests: providers.reduce((sum, { open }) => sum + open, 0) };
      const end = lab.conversation.handedOver ? 'handed over' : (lab.end?.reason ?? (stops ? 'stopped' : 'none'));
      const outcome = { seed, end, broken: lab.broken, ...left };
      expect(outcome).toEqual({
        seed,
        end: expect.stringMatching(`^(${ALL_ENDS.join('|')})$`),
        broken: undefined,
        timers: 0,
        requests: 0,
        listeners: 0,
      });
      if (sound) expectHonest(lab);
      reasons.set(outcome.end, (reasons.get(outcome.end) ?? 0) + 1);
    }
  } finally {
    process.off('unhandledRejection', note);
  }
  expect(rejections).toEqual([]);
  // Otherwise it would prove little.
  expect([...reasons.keys()].sort()).toEqual([...ALL_ENDS].sort());
});
