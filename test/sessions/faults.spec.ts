import { type ChatRequest } from '../fakes/chat.js';
import { type Fault, type Stage } from '../fakes/faults.js';
import { FakeVendors, type LabRequest, refusingUrl } from '../fakes/fake-vendors.js';
import { readMultipart } from '../fakes/multipart.js';
import { speech } from '../support/audio.js';
import { type Json } from '../support/app.js';
import { eventually } from '../support/process.js';
import { Callees, soundIn } from './callees.js';
import { SipHarness } from './sip-harness.js';

const DEADLINE_MS = 60_000;
const GREETING = speech(0.6, 1);
const WORDS = speech(0.8, 2);
const WISH = 'Could you help me';
const ANSWER = 'Of course I can help you with that.';
const APOLOGY = 'I am sorry, there is a technical problem. We will call you back. Goodbye.';

const STAGES = ['transcription', 'chat', 'speech'] as const satisfies readonly Stage[];
const REASONS = {
  transcription: 'error_speech_provider',
  chat: 'error_llm_provider',
  speech: 'error_speech_provider',
} as const;

const FAULTS: Readonly<Record<string, Fault>> = {
  401: { kind: 'status', status: 401 },
  429: { kind: 'status', status: 429 },
  500: { kind: 'status', status: 500 },
  stall: { kind: 'stall' },
  'stall midway': { kind: 'stall_midway' },
  'half a response': { kind: 'half' },
  garbage: { kind: 'garbage' },
  'closed socket': { kind: 'closed' },
  'socket closed midway': { kind: 'closed_midway' },
};

/** One call: its fault, the stage, and whether retries fail too. */
interface Case {
  /** Identifies its requests. */
  key: string;
  stage: (typeof STAGES)[number];
  /** A key of `FAULTS`, or `refused`. */
  name: string;
  lasts: boolean;
}

/** Codes without a language (ISO 639-2, "reserved for local use"). */
const keyOf = (index: number): string => `q${String.fromCharCode(97 + Math.floor(index / 26), 97 + (index % 26))}`;

const CASES: readonly Case[] = STAGES.flatMap((stage) =>
  // No retry with an invalid key.
  [...Object.keys(FAULTS), 'refused'].flatMap((name) =>
    [true, ...(name === '401' || name === 'refused' ? [] : [false])].map((lasts) => ({ stage, name, lasts })),
  ),
).map((each, index) => ({ key: keyOf(index), ...each }));

/** The call of a request: in the prompt for the model, in the voice or the language for the others. */
function caseOf({ stage, body, headers }: LabRequest): Case | undefined {
  const key = {
    transcription: () =>
      readMultipart(body, headers['content-type'] ?? '')
        .get('language')
        ?.toString(),
    chat: () => /case (\w+)/.exec((JSON.parse(body.toString()) as ChatRequest).messages?.[0]?.content ?? '')?.[1],
    speech: () => (JSON.parse(body.toString()) as { voice?: string }).voice,
  }[stage as Case['stage']]();
  return CASES.find((each) => each.key === key);
}

interface Outcome {
  call: Json;
  turns: Json[];
  /** Seconds of sound after the callee's words. */
  heardSeconds: number;
}

describe('a call whose providers fail', () => {
  let providers: FakeVendors;
  let callees: Callees;
  const harnesses: SipHarness[] = [];
  const outcomes = new Map<string, Promise<Outcome>>();
  const failed = new Set<string>();
  let answerSeconds: number;

  /** Once: the first request of the answer. */
  function faultOf(request: LabRequest): Fault | undefined {
    const found = caseOf(request);
    if (found?.stage !== request.stage) return undefined;
    if (found.lasts) return FAULTS[found.name];
    if (failed.has(found.key) || request.body.toString('latin1').includes(APOLOGY)) return undefined;
    failed.add(found.key);
    return FAULTS[found.name];
  }

  beforeAll(async () => {
    providers = await FakeVendors.start({
      rules: [{ when: /./, say: ANSWER }],
      recognizes: false,
      hears: () => WISH,
      faultOf,
    });
    callees = await Callees.start(WORDS);
    // A stream that breaks during speech leaves a gap.
    answerSeconds = 0.9 * soundIn(await providers.voices.sayOnLine(ANSWER));
    const dial = await dialler();
    // The URL without a server is a setting of the application, so each has its own. All start first.
    const refused = new Map<string, typeof dial>();
    for (const { stage } of CASES.filter(({ name }) => name === 'refused'))
      refused.set(stage, await dialler({ [stage]: await refusingUrl() }));
    for (const each of CASES)
      outcomes.set(each.key, (each.name === 'refused' ? (refused.get(each.stage) ?? dial) : dial)(each));
    await Promise.allSettled(outcomes.values());
  }, 2 * DEADLINE_MS);

  afterAll(async () => {
    for (const harness of harnesses) await harness.close();
    callees.close();
    await providers.close();
  });

  /** An application with a caller. @param urls of the stages with another server */
  async function dialler(urls: Partial<Record<Case['stage'], string>> = {}) {
    const provider = (stage: Case['stage']) => ({
      kind: 'openai',
      model: 'lab',
      baseUrl: urls[stage] ?? providers.url,
    });
    const settings = {
      providers: {
        transcription: provider('transcription'),
        model: provider('chat'),
        speech: { ...provider('speech'), voice: 'none' },
      },
      ...{ maxConcurrentCalls: 0, maxConcurrentCallsPerNumber: 0, callsPerSecond: 0 },
    };
    const harness = await SipHarness.start(
      settings,
      `faults_${process.env['JEST_WORKER_ID'] ?? '0'}_${harnesses.length}`,
    );
    harnesses.push(harness);
    const agent = { prompt: 'This is case {{key}}.', onMachine: 'carry_on', recordCalls: false };
    const caller = await harness.caller({ target: callees.target, agent, greeting: GREETING });

    return async ({ key, lasts }: Case): Promise<Outcome> => {
      const toNumber = `+1555${String(1_000_000 + CASES.findIndex((each) => each.key === key))}`;
      const fields = { toNumber, voiceId: key, language: key, dynamicVariables: { key } };
      const id = await harness.app.createCall(caller, fields);
      const callee = await eventually('ringing', () => Promise.resolve(callees.of(toNumber)), DEADLINE_MS);
      const until = (what: string, holds: () => boolean) =>
        eventually(`${what} in ${key}`, () => Promise.resolve(holds() || undefined), DEADLINE_MS);
      if (!lasts) {
        await until('an answer', () => callee.isAnswered(answerSeconds) || callee.gone);
        if (!callee.gone) callee.hangUp();
      }
      await until('the end', () => callee.gone);
      await harness.ended(caller, id);
      return {
        call: await harness.call(caller, id),
        turns: await harness.request(caller, 'GET', `/v1/calls/${id}/transcript`),
        heardSeconds: callee.heardSeconds,
      };
    };
  }

  const titled = (lasts: boolean): [string, Case][] =>
    CASES.filter((each) => each.lasts === lasts).map((each) => [`${each.stage}: ${each.name}`, each]);

  it.each(titled(true))('apologises and ends: %s', async (_, { key, stage }) => {
    const { call, turns, heardSeconds } = await outcomes.get(key)!;
    expect(call).toMatchObject({
      status: 'completed',
      disconnectionReason: REASONS[stage],
      outcome: { responsible: 'system' },
    });
    // Without speech synthesis, the failure message is a tone.
    if (stage !== 'speech') expect(turns.at(-1)).toMatchObject({ speaker: 'agent', text: APOLOGY, interrupted: false });
    expect(heardSeconds).toBeGreaterThan(1);
  });

  it.each(titled(false))('asks again and goes on: %s', async (_, { key }) => {
    const { call, turns, heardSeconds } = await outcomes.get(key)!;
    expect(call).toMatchObject({ status: 'completed', disconnectionReason: 'user_hangup' });
    expect(turns.slice(-2)).toMatchObject([
      { speaker: 'customer', text: WISH },
      { speaker: 'agent', text: expect.stringMatching(`${ANSWER}$`) },
    ]);
    expect(failed).toContain(key);
    expect(heardSeconds).toBeGreaterThan(1);
  });
});
