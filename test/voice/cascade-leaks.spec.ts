import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Conversation } from '../../src/voice/conversation/conversation.js';
import { type Clock } from '../../src/voice/clock.js';
import { type ConversationEnd } from '../../src/voice/conversation-events.js';
import { CascadePipeline } from '../../src/voice/pipeline/cascade/cascade-pipeline.js';
import { createLanguageModel, createTextToSpeech, createSpeechToText } from '../../src/voice/providers/providers.js';
import { endCall } from '../../src/voice/tools/call-tools.js';
import { type Fault, NAMED_FAULTS } from '../fakes/faults.js';
import { FakeVendors } from '../fakes/fake-vendors.js';
import { eventually } from '../support/process.js';
import { random } from './support/random.js';
import { VirtualLine } from './support/virtual-line.js';

/** `LEAK_RUNS=1000` for the long form. */
const RUNS = Number(process.env['LEAK_RUNS'] ?? 30);
const CONCURRENCY = 20;
const FAULT_RATE = 0.15;
/** Virtual milliseconds for each real one. */
const SPEED = 4;
const FRAME_MS = 20;
const TIMEOUT_MS = 6_000;
/** Free sockets that `http.ts` keeps for one host. */
const MAX_FREE_SOCKETS = 64;
const REASONS = [
  'hung up',
  'agent_hangup',
  'inactivity',
  'max_duration_reached',
  'error_speech_provider',
  'error_llm_provider',
];

const clock: Clock = {
  now: () => performance.now() * SPEED,
  after: (ms, run) => {
    const timer = setTimeout(run, ms / SPEED);
    return () => {
      clearTimeout(timer);
    };
  },
};

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

function summaryOf(ended: readonly { reason: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason } of ended) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
const listeners = (): number => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);

describe('conversations with providers over HTTP that fail at random', () => {
  let vendors: FakeVendors;
  let fault: () => Fault | undefined;

  beforeAll(async () => {
    vendors = await FakeVendors.start({
      rules: [
        { when: /bye/, say: 'Goodbye then, thank you for your time.', calls: [{ name: 'end_call', arguments: {} }] },
        { when: /./, say: 'I see. What else can I do for you today?' },
      ],
      recognizes: false,
      hears: (ms) => (ms > 2_000 ? 'bye' : 'well'),
      faultOf: () => fault(),
    });
  });

  afterAll(() => vendors.close());

  /** @returns how it ended, and a reference that shows whether anything still holds the conversation */
  async function converse(seed: number): Promise<{ reason: string; reference: WeakRef<Conversation> }> {
    const next = random(seed);
    const line = new VirtualLine();
    const provider = { kind: 'openai', baseUrl: vendors.url, model: 'test' };
    const providers = {
      speechToText: { primary: createSpeechToText(provider), fallback: createSpeechToText(provider) },
      model: { primary: createLanguageModel(provider) },
      textToSpeech: { primary: createTextToSpeech(provider) },
    };
    const conversation = new Conversation(line, {
      pipeline: (context) => new CascadePipeline(context, providers),
      tools: [endCall()],
      settings: {
        firstMessage: { text: 'Hello, this is Ada.' },
        maxDurationMs: next() < 0.1 ? 4_000 : 60_000,
        silence: { afterMs: 3_000, prompt: { text: 'Are you there?' }, times: 1, farewell: undefined },
        timeouts: {
          transcriptionMs: TIMEOUT_MS,
          modelFirstMs: TIMEOUT_MS,
          modelNextMs: TIMEOUT_MS,
          speechFirstMs: TIMEOUT_MS,
          speechNextMs: TIMEOUT_MS,
        },
      },
      clock,
    });
    const hangsUpAtMs = next() < 0.2 ? 1_000 + 8_000 * next() : Infinity;
    const outcome: { end?: ConversationEnd } = {};
    void conversation.ended.then((end) => (outcome.end = end));
    conversation.start();
    for (let lastMs = clock.now(); !outcome.end && line.atMs < hangsUpAtMs;) {
      await new Promise((resolve) => setTimeout(resolve, FRAME_MS / SPEED));
      for (; lastMs <= clock.now(); lastMs += FRAME_MS) {
        if (next() < 0.01) line.says('words', next() < 0.3 ? 2_200 : 200 + 800 * next());
        line.tick();
      }
    }
    if (!outcome.end && next() < 0.5) conversation.stop();
    else await conversation.hangUp();
    expect(line.listeners.size).toBe(0);
    return { reason: outcome.end?.reason ?? 'hung up', reference: new WeakRef(conversation) };
  }

  async function batch(from: number, count: number): Promise<Awaited<ReturnType<typeof converse>>[]> {
    const ended: Awaited<ReturnType<typeof converse>>[] = [];
    let seed = from;
    const worker = async (): Promise<void> => {
      while (seed < from + count) ended.push(await converse(seed++));
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    return ended;
  }

  it(`leaves no request, timer, listener or conversation behind, ${RUNS} times`, async () => {
    const next = random(1);
    const kinds = Object.values(NAMED_FAULTS);
    fault = () => (next() < FAULT_RATE ? kinds[Math.floor(next() * kinds.length)] : undefined);
    const rejections: unknown[] = [];
    const note = (reason: unknown): void => void rejections.push(reason);
    process.on('unhandledRejection', note);
    await batch(0, CONCURRENCY / 2);
    await vendors.until(({ open }) => open === 0);
    const before = { timers: timers(), listeners: listeners() - 1 };
    const heapBefore = heap();

    const ended = await batch(CONCURRENCY, RUNS);
    await vendors.until(({ open }) => open === 0);
    process.off('unhandledRejection', note);
    await eventually('that nothing holds any of them', () => {
      collect();
      return Promise.resolve(ended.every(({ reference }) => reference.deref() === undefined) || undefined);
    });
    expect(rejections).toEqual([]);
    // Timers of idle connections are not counted.
    await eventually('that no timer is left', () => Promise.resolve(timers() <= before.timers || undefined));
    expect(listeners()).toBe(before.listeners);
    expect(vendors.sockets.size).toBeLessThanOrEqual(MAX_FREE_SOCKETS);
    const reasons = new Set(ended.map(({ reason }) => reason));
    expect([...reasons].filter((reason) => !REASONS.includes(reason))).toEqual([]);
    // Faults and hang-ups have happened, otherwise the test would prove little.
    for (const reason of ['hung up', 'error_speech_provider']) expect(reasons).toContain(reason);
    if (process.env['LEAK_RUNS'])
      process.stderr.write(`${JSON.stringify({ ...summaryOf(ended), heapBytesEach: (heap() - heapBefore) / RUNS })}\n`);
  }, 600_000);
});
