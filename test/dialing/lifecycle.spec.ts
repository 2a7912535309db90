import { SimulatorLedger } from '../../src/telephony/simulator/simulator-ledger.js';
import { SIMULATOR_NUMBERS } from '../../src/telephony/simulator/simulator-numbers.js';
import { SimulatorProvider } from '../../src/telephony/simulator/simulator.provider.js';
import { join } from 'node:path';
import { type Json, TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually, temporaryFolder } from '../support/process.js';
import { ScriptedProvider } from './scripted-provider.js';
import { until, DialingHarness } from './dialing-harness.js';

/** The maximum duration ends its calls; it has a test of its own. */
const MISSING_END = '+15550000025';
const NUMBERS = SIMULATOR_NUMBERS.filter(({ number }) => number !== MISSING_END);

const QUEUED = ['call.queued', 'call.dialing'];
const ANSWERED = [...QUEUED, 'call.ringing', 'call.started', 'call.ended'];
const REFUSED = [...QUEUED, 'call.ended'];
const RUNG = [...QUEUED, 'call.ringing', 'call.ended'];
const DEFERRED = ['call.dialing', 'call.deferred'];

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
  '+15550000008': { ...answered, timeline: ['call.queued', ...DEFERRED, ...DEFERRED, ...ANSWERED.slice(1)] },
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
  // The answer arrives first; the later ringing is ignored.
  '+15550000022': { ...answered, timeline: [...QUEUED, 'call.started', 'call.ended'] },
  '+15550000023': answered,
  '+15550000024': { ...answered, timeline: [...QUEUED, 'call.started', 'call.ended'], turns: 0 },
};

describe('a test call', () => {
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

  it('has an expected end for every number of the simulator', () => {
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
        // A full carrier spends no attempt, and a phone rings once.
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

  it('without a carrier, a live call fails at once with advice', async () => {
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

  it('over the limit of its organization waits, and completes in its first attempt', async () => {
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

describe('a call with scripted signals', () => {
  let harness: DialingHarness;

  beforeAll(async () => {
    harness = await DialingHarness.open();
  });

  afterEach(() => harness.clear());
  afterAll(() => harness.close());

  it('has the duration from answer to end, to the second, however late the signals are', async () => {
    const callId = await harness.call();
    const provider = new ScriptedProvider();
    const at = (ms: number) => new Date(Date.UTC(2026, 3, 5, 14) + ms);
    provider.leg
      .signal({ type: 'ringing' }, at(1_000))
      .signal({ type: 'answered' }, at(21_000))
      .end('user_hangup', at(95_600));
    await harness.worker(provider).admit();
    expect(await harness.settled(callId, 'completed')).toMatchObject({
      startedAt: at(21_000).toISOString(),
      endedAt: at(95_600).toISOString(),
      duration: 75,
    });
  });

  it('is ended by the maximum duration when its end is missing', async () => {
    const callId = await harness.call({ toNumber: MISSING_END });
    const folder = temporaryFolder();
    const simulator = new SimulatorProvider({ ledgerFolder: folder.path, speed: 50 });
    await harness.worker(simulator, { maxDurationMs: 1_000 }).admit();
    expect(await harness.settled(callId, 'completed')).toMatchObject({
      disconnectionReason: 'max_duration_reached',
      outcome: { responsible: 'system', retryable: false },
    });
    expect(await harness.types(callId)).toEqual(ANSWERED);
    const entries = new SimulatorLedger(folder.path).entries();
    expect(entries.map(({ type }) => type)).toEqual(['dial', 'hangup']);
    folder.remove();
  });

  it('has no event twice and none after the end, with repeated and late signals', async () => {
    const callId = await harness.call();
    const provider = new ScriptedProvider();
    provider.leg.signal({ type: 'ringing' }).signal({ type: 'ringing' }).end('user_declined');
    provider.leg.signal({ type: 'answered' }).end('dial_busy');
    await harness.worker(provider).admit();
    await harness.settled(callId, 'failed');
    expect(await harness.types(callId)).toEqual(RUNG);
    expect((await harness.get(callId)).disconnectionReason).toBe('user_declined');
  });

  it('is hung up by the API', async () => {
    const callId = await harness.call();
    const provider = new ScriptedProvider();
    const worker = harness.worker(provider);
    await worker.admit();
    provider.leg.signal({ type: 'answered' });
    await until('answered', async () => (await harness.types(callId)).includes('call.started'));
    await harness.app.request('POST', `/v1/calls/${callId}/hangup`, { key: harness.tenant.key });
    await worker.hangUpEnded();
    expect(await harness.settled(callId, 'completed')).toMatchObject({ disconnectionReason: 'manual_stopped' });
    expect(provider.leg.hangups).toBe(1);
  });
});
