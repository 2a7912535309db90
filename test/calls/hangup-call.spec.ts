import { join } from 'node:path';
import { SimulatorLedger } from '../../src/telephony/simulator/simulator-ledger.js';
import { rebuildCalls } from '../../src/calls/maintenance/call-rebuild.js';
import { type Answer, type Json, TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { EventStream } from '../support/event-stream.js';
import { eventually, temporaryFolder } from '../support/process.js';

/** Destinations of the simulator. */
const TALKS = '+15550000001';
const RINGS = '+15550000003';
const TALKS_LONG = '+15550000011';
const HANGS_UP = '+15550000010';
const TOLD_TWICE = '+15550000021';
const TOLD_IN_DISORDER = '+15550000022';

let db: TestDatabase;
let app: TestApp;
let tenant: Tenant;
let ledger: SimulatorLedger;
const folder = temporaryFolder();

async function start(simulatorSpeed: number): Promise<void> {
  db = await openTestDatabase();
  app = await TestApp.start(db.url, {
    roles: ['api', 'worker'],
    dataDir: folder.path,
    simulatorSpeed,
    ringTimeoutMs: 600_000,
    maxConcurrentCalls: 0,
    callsPerSecond: 0,
  });
  tenant = await app.tenant();
  ledger = new SimulatorLedger(join(folder.path, 'simulator'));
}

async function stop(): Promise<void> {
  await app.close();
  await db.close();
}

afterAll(() => {
  folder.remove();
});

type Verb = 'cancel' | 'hangup';
const post = (verb: Verb, id: string, key = tenant.key): Promise<Answer> =>
  app.request('POST', `/v1/calls/${id}/${verb}`, { key });
const read = async (path: string): Promise<Json> =>
  (await app.request('GET', `/v1/calls/${path}`, { key: tenant.key })).body.data;
const watch = (id: string) => EventStream.open(app, `/v1/calls/${id}/stream`, { key: tenant.key });

/** A call to a destination after one of its events. */
async function callAt(toNumber: string, type: string): Promise<string> {
  const id = await app.createCall(tenant, { toNumber });
  const stream = await watch(id);
  await stream.until(type);
  stream.close();
  return id;
}

const inAnHour = () => ({ scheduledAt: new Date(Date.now() + 3_600_000).toISOString() });

/** Resolves when the simulated phone of a call is hung up. */
const hungUp = (id: string) =>
  eventually(`the phone of ${id} is hung up`, () => {
    const references = ledger.dials().flatMap((dial) => (dial.callId === id ? dial.reference : []));
    const isDone = references.length > 0 && references.every((reference) => ledger.hangupOf(reference));
    return Promise.resolve(isDone || undefined);
  });

/** Resolves when no worker holds any of the calls. */
const letGo = () =>
  eventually('all calls let go of', async () => {
    const [live] = await db.database.query<{ count: number }>('select count(*)::int as count from live_calls');
    return live?.count === 0 || undefined;
  });

async function refusesStrangers(verb: Verb, id: string): Promise<void> {
  const answers = [
    await post(verb, id, (await app.tenant()).key),
    await post(verb, id, await app.key(tenant.organizationId, { environment: 'live' })),
    await post(verb, '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10'),
    await post(verb, 'x'),
  ];
  for (const { status, body } of answers) {
    expect(status).toBe(404);
    expect(body.error).toEqual({ code: 'not_found', message: 'Call not found', details: null });
  }
  expect(await read(id)).toMatchObject({ endedAt: null });
  const { status, body } = await post(verb, id, await app.key(tenant.organizationId, { scopes: ['calls:read'] }));
  expect([status, body.error.code]).toEqual([403, 'insufficient_scope']);
}

describe('POST /v1/calls/{id}/hangup', () => {
  beforeAll(() => start(20));
  afterAll(stop);

  it('200 ends a connected call as completed, manual_stopped, and hangs up the phone; a repetition gets the same reply', async () => {
    const id = await callAt(TALKS_LONG, 'call.started');
    const stream = await watch(id);
    const { status, body } = await post('hangup', id);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({
      id,
      status: 'completed',
      disconnectionReason: 'manual_stopped',
      outcome: { sipCode: null, responsible: 'operator', retryable: false, detail: 'Hung up by an operator' },
      endedAt: expect.any(String),
    });
    expect((await stream.rest()).at(-1)?.event).toBe('call.ended');
    await hungUp(id);
    await letGo();

    const again = await post('hangup', id);
    expect(again.status).toBe(200);
    expect(again.body.data).toEqual(await read(id));
    expect(again.body.data).toMatchObject({ disconnectionReason: 'manual_stopped', endedAt: body.data.endedAt });
    expect((await post('cancel', id)).status).toBe(409);
  });

  it('200 hangs up the phone when another service reports the end', async () => {
    const id = await callAt(TALKS_LONG, 'call.started');
    const data = { disconnectionReason: 'error_media_lost' };
    const body = { specversion: '1.0', id, source: '/media', type: 'call.ended', subject: id, data };
    const answer = await app.request('POST', '/internal/v1/call-events', { key: tenant.key, body });
    expect(answer.body.data).toMatchObject([{ status: 'accepted' }]);
    await hungUp(id);
    expect(await read(id)).toMatchObject({ status: 'completed', disconnectionReason: 'error_media_lost' });
  });

  it('409 for a call that is not connected yet, or has another end', async () => {
    const queued = await app.createCall(tenant, inAnHour());
    const ringing = await callAt(RINGS, 'call.ringing');
    const over = await callAt(HANGS_UP, 'call.ended');
    for (const id of [queued, ringing, over]) {
      const before = await read(id);
      const { status, body } = await post('hangup', id);
      expect([status, body.error.code]).toEqual([409, 'conflict']);
      expect(await read(id)).toEqual(before);
    }
    expect((await post('cancel', ringing)).status).toBe(200);
  });

  it("404 is the same for another organization's call, another environment's and a missing one; 403 without the scope", async () => {
    const id = await callAt(TALKS_LONG, 'call.started');
    await refusesStrangers('hangup', id);
    expect((await post('hangup', id)).status).toBe(200);
  });
});

describe('POST /v1/calls/{id}/cancel', () => {
  beforeAll(() => start(20));
  afterAll(stop);

  it('200 ends a ringing call as cancelled, and its phone stops ringing; a repetition gets the same reply', async () => {
    const id = await callAt(RINGS, 'call.ringing');
    const { status, body } = await post('cancel', id);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({
      status: 'cancelled',
      disconnectionReason: 'cancelled',
      duration: 0,
      startedAt: null,
      outcome: { responsible: 'operator', retryable: false },
    });
    await hungUp(id);
    await letGo();
    const again = await post('cancel', id);
    expect(again.status).toBe(200);
    expect(again.body.data).toEqual(body.data);
    expect((await post('hangup', id)).status).toBe(409);
  });

  it('200 ends a scheduled call, which is never dialled', async () => {
    const id = await app.createCall(tenant, inAnHour());
    const { status, body } = await post('cancel', id);
    expect([status, body.data.status]).toEqual([200, 'cancelled']);
    expect((await read(`${id}/events`)).map(({ type }: Json) => type)).toEqual(['call.queued', 'call.ended']);
    expect(ledger.dials().filter(({ callId }) => callId === id)).toEqual([]);
  });

  it('409 for a connected or ended call', async () => {
    const connected = await callAt(TALKS_LONG, 'call.started');
    const over = await callAt(HANGS_UP, 'call.ended');
    for (const id of [connected, over]) {
      const { status, body } = await post('cancel', id);
      expect([status, body.error.code]).toEqual([409, 'conflict']);
    }
    expect(await read(over)).toMatchObject({ status: 'completed', disconnectionReason: 'user_hangup' });
    expect(await read(connected)).toMatchObject({ status: 'in_progress', endedAt: null });
    expect((await post('hangup', connected)).status).toBe(200);
  });

  it("404 is the same for another organization's call, another environment's and a missing one; 403 without the scope", async () => {
    const id = await callAt(RINGS, 'call.ringing');
    await refusesStrangers('cancel', id);
    expect((await post('cancel', id)).status).toBe(200);
  });
});

describe('cancelling and hanging up in a race with the answer and the end', () => {
  beforeAll(() => start(200));
  afterAll(stop);

  const NUMBERS = [TALKS, HANGS_UP, TOLD_TWICE, TOLD_IN_DISORDER, RINGS, TALKS_LONG];
  const MOMENTS = ['call.queued', 'call.dialing', 'call.ringing', 'call.started', 'call.turn', 'call.ended'];

  /** Numbers whose calls skip some of these moments, or reach them late. */
  const LAST_MOMENT: Record<string, number> = { [RINGS]: 3, [TALKS_LONG]: 5 };

  /** Requests both ends at a moment of a call, several times; the wait for the moment stops with the call. */
  async function race(toNumber: string, moment: string | undefined) {
    const id = await app.createCall(tenant, { toNumber });
    if (moment) {
      const stream = await watch(id);
      expect(stream.status).toBe(200);
      for (let event = await stream.next(); event && event.event !== moment;) event = await stream.next();
      stream.close();
    }
    const verbs: Verb[] = ['cancel', 'hangup', 'cancel', 'hangup'];
    const asked = verbs.map(async (verb) => ({ verb, ...(await post(verb, id)) }));
    return { id, answers: await Promise.all(asked) };
  }

  it('gives one end, which every reply and every event agrees with', async () => {
    const pairs = NUMBERS.flatMap((number) => [undefined, ...MOMENTS].map((moment) => [number, moment] as const));
    const raced = pairs.filter(([number, moment = '']) => MOMENTS.indexOf(moment) < (LAST_MOMENT[number] ?? Infinity));
    // One stream for each call: stays below the limit of a key.
    const wave = () => Promise.all(raced.map(([number, moment]) => race(number, moment)));
    const calls = [...(await wave()), ...(await wave())];
    // Ends the remaining calls: cancel, else hang up.
    for (const { id } of calls) if ((await post('cancel', id)).status !== 200) await post('hangup', id);
    await Promise.all(calls.map(({ id }) => hasEnded(id)));
    await letGo();

    const ends = new Set<string>();
    for (const { id, answers } of calls) {
      const call = await read(id);
      ends.add(call.disconnectionReason);
      checkTimeline(await read(`${id}/events`), call);
      for (const { verb, status, body } of answers) {
        expect([200, 409]).toContain(status);
        if (status !== 200) continue;
        expect(call.disconnectionReason).toBe(verb === 'cancel' ? 'cancelled' : 'manual_stopped');
        expect({ ...body.data, transcript: null }).toEqual({ ...call, transcript: null });
      }
    }
    for (const { reference: reference } of endedByOperator(await Promise.all(calls.map(({ id }) => read(id)))))
      expect(ledger.hangupOf(reference)).toBeDefined();
    // Each kind of end has won some of the races.
    expect([...ends]).toEqual(expect.arrayContaining(['cancelled', 'manual_stopped', 'user_hangup']));
    expect(await rebuildCalls(db.database)).toMatchObject({ mended: 0, countsMended: 0 });
  }, 60_000);

  const hasEnded = (id: string) =>
    eventually(`the end of ${id}`, async () => ((await read(id)).endedAt === null ? undefined : true));

  function checkTimeline(events: Json[], call: Json): void {
    const types = events.map(({ type }) => type as string);
    expect(types.filter((type) => type === 'call.ended')).toHaveLength(1);
    expect(types.at(-1)).toBe('call.ended');
    expect(types.filter((type) => type === 'call.dialing').length).toBeLessThanOrEqual(1);
    expect(new Set(types).size).toBe(types.length);
    const { occurredAt, data } = events.at(-1);
    const { status, disconnectionReason, outcome } = call;
    expect(data).toEqual({ status, disconnectionReason, outcome });
    expect(occurredAt).toBe(call.endedAt);
    const wasConnected = types.includes('call.started');
    expect(call.startedAt !== null).toBe(wasConnected);
    expect(status === 'completed').toBe(wasConnected);
  }

  const endedByOperator = (calls: Json[]) => {
    const ids = new Set(calls.filter(({ outcome }) => outcome.responsible === 'operator').map(({ id }) => id));
    return ledger.dials().filter(({ callId }) => ids.has(callId));
  };
});
