import { cascadeRun, type ChaosRun, realtimeRun } from './support/chaos.js';
import { type ConversationHarness } from './support/conversation-harness.js';
import { CHARACTER_MS } from './support/scripted-providers.js';

/** Ends of a conversation; the call may go on without it. */
const ENDS = ['agent_hangup', 'inactivity', 'max_duration_reached', 'error_llm_provider', 'handed over', 'stopped'];

/** How far the transcript may differ from what was played, in characters. */
interface Tolerance {
  /** Too much, for each turn. */
  more: number;
  /** The least part of what was played that stands in the transcript. */
  least: number;
}

const letters = (text: string): number => text.replaceAll(' ', '').length;

/** The transcript has the agent's words that were played, except for parts of a word, and no others. */
function expectHonest({ line, turns }: ConversationHarness, seed: number, { more, least }: Tolerance): void {
  const agent = turns.filter(({ speaker }) => speaker === 'agent');
  const written = agent.reduce((sum, { text }) => sum + letters(text), 0);
  const played = line.playedTexts.reduce(
    (sum, { text, ms }) => sum + (ms / CHARACTER_MS) * (letters(text) / text.length),
    0,
  );
  const tooMuch = written > played + more * agent.length;
  const tooLittle = written < played * least - 12 * (agent.length + 1);
  expect({ seed, tooMuch, tooLittle }).toEqual({ seed, tooMuch: false, tooLittle: false });
}

/** @returns how the conversation ended */
async function endOf({ harness, act, hangsUp, open }: ChaosRun, seed: number): Promise<string> {
  const { conversation, line, clock } = harness;
  const hangUpAtMs = hangsUp ? (seed * 37) % 9_000 : Infinity;
  await harness.passUntil(() => (act(), conversation.handedOver || line.atMs >= hangUpAtMs), 90_000);
  if (hangsUp && seed % 2) conversation.stop();
  else if (hangsUp) {
    const gone = conversation.hangUp();
    await clock.advance(10_000);
    await gone;
  }
  await clock.advance(0);
  const end = conversation.handedOver ? 'handed over' : (harness.end?.reason ?? (hangsUp ? 'stopped' : 'none'));
  const left = { timers: clock.waiting, listeners: line.listeners.size, open: open() };
  expect({ seed, broken: harness.broken, ...left }).toEqual({
    seed,
    broken: undefined,
    timers: 0,
    listeners: 0,
    open: 0,
  });
  return end;
}

describe.each([
  {
    name: 'cascade',
    runs: 1_000,
    run: cascadeRun,
    ends: [...ENDS, 'error_speech_provider'],
    tolerance: { more: 2, least: 1 },
  },
  { name: 'realtime', runs: 300, run: realtimeRun, ends: ENDS, tolerance: { more: 4, least: 0.55 } },
])('conversations over the $name pipeline with random faults', ({ runs, run, ends, tolerance }) => {
  it(`all end and leave nothing behind, ${runs} times`, async () => {
    const rejections: unknown[] = [];
    const note = (reason: unknown): void => void rejections.push(reason);
    process.on('unhandledRejection', note);
    const seen = new Set<string>();
    try {
      for (let seed = 1; seed <= runs; seed++) {
        const one = run(seed);
        seen.add(await endOf(one, seed));
        if (one.faultless) expectHonest(one.harness, seed, tolerance);
      }
    } finally {
      process.off('unhandledRejection', note);
    }
    expect(rejections).toEqual([]);
    // Each way to end has happened, otherwise the test would prove little.
    expect([...seen].sort()).toEqual([...ends].sort());
  });
});
