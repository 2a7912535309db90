import { SimulatorLedger } from '../../src/telephony/simulator/simulator-ledger.js';
import { SIMULATOR_NUMBERS } from '../../src/telephony/simulator/simulator-numbers.js';
import { SimulatorProvider } from '../../src/telephony/simulator/simulator.provider.js';
import { join } from 'node:path';
import { type Json, TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually, temporaryFolder } from '../support/process.js';
import { ScriptedProvider } from './scripted-provider.js';
import { until, Workbench } from './dialing-harness.js';

/** Its end is ours to make; it has a test of its own. */
const END_NEVER_TOLD = '+15550000025';
const NUMBERS = SIMULATOR_NUMBERS.filter(({ number }) => number !== END_NEVER_TOLD);

const QUEUED = ['call.queued', 'call.dialing'];
const ANSWERED = [...QUEUED, 'call.ringing', 'call.started', 'call.ended'];
const REFUSED = [...QUEUED, 'call.ended'];
const RUNG = [...QUEUED, 'call.ringing', 'call.ended'];
const SENT_BACK = ['call.dialing', 'call.deferred'];

const CONVERSATION_TURNS = 8;
const outcome = (responsible: string, retryable: boolean, sipCode: number | null = null) => ({
  responsible,
  retryable,
  sipCode,
});
const answered = {
  status: 'completed',
  disconnectionReason: 'agent_hangup',
  outcome: outcome('agent', false),
  timeline: ANSWERED,
  turns: CONVERSATION_TURNS,
};
const failed = (disconnectionReason: string, its: ReturnType<typeof outcome>, timeline = REFUSED) => ({
  status: 'failed',
  disconnectionReason,
  outcome: its,
  timeline,
  turns: 0,
});

/** How a call to each number of the simulator ends. */
const ENDS: Record<string, typeof answered> = {
  '+15550000001': answered,
  '+15550000002': failed('dial_busy', outcome('customer', true, 486)),
  '+15550000003': failed('dial_no_answer', outcome('system', true, 408), RUNG),
  '+15550000004': failed('user_declined', outcome('customer', false, 603), RUNG),
  '+15550000005': failed('invalid_destination', outcome('carrier', false, 404)),
  '+15550000006': {
    ...answered,
    disconnectionReason: 'voicemail_reached',
    outcome: outcome('system', true),
    turns: 1,
  },
  '+15550000007': failed('telephony_provider_unavailable', outcome('carrier', true, 503)),
  '+15550000008': { ...answered, timeline: ['call.queued', ...SENT_BACK, ...SENT_BACK, ...ANSWERED.slice(1)] },
  '+15550000009': {
    ...answered,
    disconnectionReason: 'error_media_lost',
    outcome: outcome('carrier', true),
    turns: 0,
  },
  '+15550000010': { ...answered, disconnectionReason: 'user_hangup', outcome: outcome('customer', false), turns: 0 },
  '+15550000011': { ...answered, disconnectionReason: 'max_duration_reached', outcome: outcome('system', false) },
  '+15550000012': failed('dial_no_answer', outcome('carrier', true, 480), RUNG),
  '+15550000013': failed('carrier_blocked', outcome('carrier', false, 603)),
  '+15550000014': failed('telephony_provider_permission_denied', outcome('carrier', false, 403)),
  '+15550000015': { ...answered, turns: 4 },
  '+15550000016': { ...answered, turns: 3 },
  '+15550000017': { ...answered, turns: 3 },
  '+15550000018': { ...answered, turns: 1 },
  '+15550000021': answered,
  // The answer is told first; a phone that is answered does not ring any more.
  '+15550000022': { ...answered, timeline: [...QUEUED, 'call.started', 'call.ended'] },
  '+15550000023': answered,
  '+15550000024': { ...answered, timeline: [...QUEUED, 'call.started', 'call.ended'], turns: 0 },
};

describe('the life of a test call', () => {
  const data = temporaryFolder();
  const settings = {
    roles: ['api', 'worker'],
    dataDir: data.path,
    simulatorSpeed: 50,
    maxConcurrentCalls: 0,
    callsPerSecond: 0,
    ringTimeoutMs: 30_000,
    maxCallDurationMs: 45_000,
  } as const;
  let db: TestDatabase;
  let app: TestApp;
  let tenant: Tenant;

  beforeAll(async () => {
    db = await openTestDatabase();
    app = await TestApp.start(db.url, settings);
    tenant = await app.tenant();
  });

  afterAll(async () => {
    await app.close();
    await db.close();
    data.remove();
  });

  const read = async (path: string, key = tenant.key): Promise<Json> =>
    (await app.request('GET', path, { key })).body.data;
  const over = (id: string, key = tenant.key): Promise<Json> =>
    eventually(
      'an end, and the place free',
      async () => {
        const held = await db.database.query('select from live_calls where call_id = $1', [id]);
        const call = await read(`/v1/calls/${id}`, key);
        return call.endedAt !== null && held.length === 0 ? call : undefined;
      },
      60_000,
    );
  const dialsOf = (id: string) =>
    new SimulatorLedger(join(data.path, 'simulator')).dials().filter(({ callId }) => callId === id);

  it('every number of the simulator has its end here', () => {
    expect(Object.keys(ENDS)).toEqual(NUMBERS.map(({ number }) => number));
  });

  describe('by number', () => {
    const calls = new Map<string, string>();

    beforeAll(async () => {
      for (const { number } of NUMBERS) calls.set(number, await app.createCall(tenant, { toNumber: number }));
    });

    it.each(NUMBERS)(
      '$number $title',
      async ({ number }) => {
        const id = calls.get(number)!;
        const expected = ENDS[number]!;
        const call = await over(id);
        const { status, disconnectionReason } = call;
        expect({ status, disconnectionReason }).toEqual({
          status: expected.status,
          disconnectionReason: expected.disconnectionReason,
        });
        expect(call.outcome).toMatchObject(expected.outcome);
        const events: Json[] = await read(`/v1/calls/${id}/events`);
        expect(events.map(({ type }) => type)).toEqual(expected.timeline);
        expect(events.map(({ version }) => version)).toEqual(events.map((_, index) => index + 1));
        // A channel that was not free spends no attempt, and a phone rings once.
        expect(events.flatMap(({ data }) => data.attempt ?? [])).toEqual(
          expected.timeline.filter((type) => type === 'call.dialing').map(() => 1),
        );
        const claims = events.flatMap(({ data }) => data.claim ?? []);
        expect(
          dialsOf(id)
            .map(({ reference: reference }) => reference)
            .sort(),
        ).toEqual(claims.sort());
        expect(await read(`/v1/calls/${id}/transcript`)).toHaveLength(expected.turns);
        expect(call.startedAt !== null).toBe(expected.timeline.includes('call.started'));
        expect(call.duration).toBe(
          call.startedAt ? Math.round((Date.parse(call.endedAt) - Date.parse(call.startedAt)) / 1_000) : 0,
        );
      },
      90_000,
    );
  });

  it('a live call without a carrier fails at once and says what to do', async () => {
    const live = await app.tenant('live');
    const id = await app.createCall(live);
    expect(await over(id, live.key)).toMatchObject({
      status: 'failed',
      disconnectionReason: 'telephony_provider_unavailable',
      duration: 0,
      outcome: { responsible: 'system', retryable: false, detail: expect.stringContaining('rpl_test_') },
    });
    const events: Json[] = await read(`/v1/calls/${id}/events`, live.key);
    expect(events.map(({ type }) => type)).toEqual(['call.queued', 'call.ended']);
    expect(dialsOf(id)).toEqual([]);
  });

  it('calls over the limit of their organization wait, and each is carried to its end in its first attempt', async () => {
    const small = await app.tenant();
    await db.database.query('update organizations set max_concurrent_calls = 1 where id = $1', [small.organizationId]);
    const ids: string[] = [];
    for (let n = 0; n < 4; n++) ids.push(await app.createCall(small, { toNumber: '+15550000010' }));
    const dialledAt: number[] = [];
    for (const id of ids) {
      expect((await over(id, small.key)).status).toBe('completed');
      const events: Json[] = await read(`/v1/calls/${id}/events`, small.key);
      expect(events.map(({ type }) => type)).toEqual(ANSWERED);
      expect(events[1].data.attempt).toBe(1);
      dialledAt.push(Date.parse(events[1].occurredAt));
    }
    expect(dialledAt).toEqual([...dialledAt].sort((a, b) => a - b));
  });
});

describe('the life of a call on a carrier that says when things happened', () => {
  let bench: Workbench;

  beforeAll(async () => {
    bench = await Workbench.open();
  });

  afterEach(() => bench.clear());
  afterAll(() => bench.close());

  it('duration counts from answer to end, to the second, whenever they were told', async () => {
    const callId = await bench.call();
    const provider = new ScriptedProvider();
    const at = (ms: number) => new Date(Date.UTC(2026, 3, 5, 14) + ms);
    provider.leg
      .say({ type: 'ringing' }, at(1_000))
      .say({ type: 'answered' }, at(21_000))
      .end('user_hangup', at(95_600));
    await bench.worker(provider).admit();
    expect(await bench.settled(callId, 'completed')).toMatchObject({
      startedAt: at(21_000).toISOString(),
      endedAt: at(95_600).toISOString(),
      duration: 75,
    });
  });

  it('a call whose end is never told is ended by our own maximum duration', async () => {
    const callId = await bench.call({ toNumber: END_NEVER_TOLD });
    const folder = temporaryFolder();
    const simulator = new SimulatorProvider({ ledgerFolder: folder.path, speed: 50 });
    await bench.worker(simulator, { maxDurationMs: 1_000 }).admit();
    expect(await bench.settled(callId, 'completed')).toMatchObject({
      disconnectionReason: 'max_duration_reached',
      outcome: { responsible: 'system', retryable: false },
    });
    expect(await bench.types(callId)).toEqual(ANSWERED);
    const entries = new SimulatorLedger(folder.path).entries();
    expect(entries.map(({ type }) => type)).toEqual(['dial', 'hangup']);
    folder.remove();
  });

  it('an end told before the answer, and all of it told again: no event twice, nothing after the end', async () => {
    const callId = await bench.call();
    const provider = new ScriptedProvider();
    provider.leg.say({ type: 'ringing' }).say({ type: 'ringing' }).end('user_declined');
    provider.leg.say({ type: 'answered' }).end('dial_busy');
    await bench.worker(provider).admit();
    await bench.settled(callId, 'failed');
    expect(await bench.types(callId)).toEqual(RUNG);
    expect((await bench.get(callId)).disconnectionReason).toBe('user_declined');
  });

  it('a hang-up by the API reaches the phone', async () => {
    const callId = await bench.call();
    const provider = new ScriptedProvider();
    const worker = bench.worker(provider);
    await worker.admit();
    provider.leg.say({ type: 'answered' });
    await until('answered', async () => (await bench.types(callId)).includes('call.started'));
    await bench.app.request('POST', `/v1/calls/${callId}/hangup`, { key: bench.tenant.key });
    await worker.hangUpEnded();
    expect(await bench.settled(callId, 'completed')).toMatchObject({ disconnectionReason: 'manual_stopped' });
    expect(provider.leg.hangups).toBe(1);
  });
});
