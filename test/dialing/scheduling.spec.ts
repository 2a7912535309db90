import { type Json, TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually, temporaryFolder } from '../support/process.js';
import { dialQueueOf } from './queue-connection.js';
import { until } from './dialing-harness.js';

/** Ends a call at once after its dial. */
const BUSY = '+15550000002';

describe('a scheduled call', () => {
  const data = temporaryFolder();
  let db: TestDatabase;
  let app: TestApp;
  let tenant: Tenant;

  const start = () =>
    TestApp.start(db.url, { roles: ['api', 'worker'], dataDir: data.path, simulatorSpeed: 100, callsPerSecond: 0 });

  beforeAll(async () => {
    db = await openTestDatabase();
    app = await start();
    tenant = await app.tenant();
  });

  afterAll(async () => {
    await app.close();
    await db.close();
    data.remove();
  });

  const schedule = async (inMs: number) => {
    const scheduledAt = new Date(Date.now() + inMs);
    return {
      id: await app.createCall(tenant, { toNumber: BUSY, scheduledAt: scheduledAt.toISOString() }),
      scheduledAt,
    };
  };
  const get = async (id: string): Promise<Json> =>
    (await app.request('GET', `/v1/calls/${id}`, { key: tenant.key })).body.data;
  const timeline = async (id: string): Promise<Json[]> =>
    (await app.request('GET', `/v1/calls/${id}/events`, { key: tenant.key })).body.data;
  const dialledAt = (id: string): Promise<number> =>
    eventually('dialled', async () => {
      const dialing = (await timeline(id)).find(({ type }) => type === 'call.dialing');
      return dialing && Date.parse(dialing.occurredAt);
    });
  const hasJob = async (id: string) => (await dialQueueOf(app).getJob(`dial-${id}`)) !== undefined;

  it('stays queued until it is due, then is dialled', async () => {
    const { id, scheduledAt } = await schedule(1_500);
    expect(await get(id)).toMatchObject({ status: 'queued', scheduledAt: scheduledAt.toISOString() });
    // The worker has admitted another call meanwhile.
    const unscheduled = await app.createCall(tenant, { toNumber: BUSY });
    await dialledAt(unscheduled);
    expect(await dialledAt(id)).toBeGreaterThanOrEqual(scheduledAt.getTime());
    const types = (await timeline(id)).map(({ type }) => type);
    expect(types.filter((type) => type === 'call.dialing')).toHaveLength(1);
  });

  it('is dialled at once for a time in the past', async () => {
    const { id, scheduledAt } = await schedule(-86_400_000);
    await dialledAt(id);
    expect((await get(id)).scheduledAt).toBe(scheduledAt.toISOString());
  });

  it('survives a restart of the worker and the loss of all jobs', async () => {
    const { id, scheduledAt } = await schedule(5_000);
    const far = await schedule(86_400_000);
    await until('in the queue', async () => (await hasJob(id)) && (await hasJob(far.id)));
    await app.close();
    await db.database.query('truncate bullmq.job cascade');
    app = await start();
    await until('in the queue again', () => hasJob(far.id));
    expect(await dialledAt(id)).toBeGreaterThanOrEqual(scheduledAt.getTime());
    expect((await timeline(id)).filter(({ type }) => type === 'call.dialing')).toHaveLength(1);
    expect((await get(far.id)).status).toBe('queued');
  });

  it('survives the loss of all jobs under a running worker', async () => {
    const { id, scheduledAt } = await schedule(4_000);
    await until('in the queue', () => hasJob(id));
    await dialQueueOf(app).obliterate({ force: true });
    expect(await hasJob(id)).toBe(false);
    expect(await dialledAt(id)).toBeGreaterThanOrEqual(scheduledAt.getTime());
  });

  it('is cancelled at once and never dialled', async () => {
    const { id, scheduledAt } = await schedule(3_000);
    const far = await schedule(86_400_000);
    await until('in the queue', () => hasJob(far.id));
    for (const one of [id, far.id]) {
      const { status, body } = await app.request('POST', `/v1/calls/${one}/cancel`, { key: tenant.key });
      expect(status).toBe(200);
      expect(body.data).toMatchObject({ status: 'cancelled', disconnectionReason: 'cancelled', duration: 0 });
    }
    await until('out of the queue', async () => !(await hasJob(far.id)));
    // A call that is due after the first is dialled after the time of the first.
    const later = await app.createCall(tenant, {
      toNumber: BUSY,
      scheduledAt: new Date(scheduledAt.getTime() + 300).toISOString(),
    });
    await dialledAt(later);
    expect((await timeline(id)).map(({ type }) => type)).toEqual(['call.queued', 'call.ended']);
  });

  it('is refused with 400 for a time more than a year ahead', async () => {
    const { key, agentId, fromNumber } = tenant;
    const scheduledAt = new Date(Date.now() + 367 * 86_400_000).toISOString();
    const body = { agentId, fromNumber, toNumber: BUSY, scheduledAt };
    const answer = await app.request('POST', '/v1/calls', { key, body });
    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.body)).toContain('a year ahead');
  });
});
