import { type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';
import { advanceCall } from './call-steps.js';

describe('POST /v1/calls/{id}/cancel', () => {
  const app = useApp();
  let tenant: Tenant;

  beforeAll(async () => {
    tenant = await app.tenant();
  });

  const cancel = (id: string, key = tenant.key, body?: unknown) =>
    app.request('POST', `/v1/calls/${id}/cancel`, { key, ...(body === undefined ? {} : { body }) });
  const get = async (id: string) => (await app.request('GET', `/v1/calls/${id}`, { key: tenant.key })).body.data;
  const total = async (status: string) =>
    (await app.request('GET', `/v1/calls?status=${status}`, { key: tenant.key })).body.pagination.total as number;
  const eventTypes = async (id: string) =>
    (await app.request('GET', `/v1/calls/${id}/events`, { key: tenant.key })).body.data.map(({ type }: any) => type);

  it.each([
    ['a queued call', {}],
    ['a scheduled call', { scheduledAt: new Date(Date.now() + 86_400_000).toISOString() }],
  ])('200 cancels %s, and the call stays cancelled', async (_what, fields) => {
    const id = await app.createCall(tenant, fields);
    const { status, body } = await cancel(id);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({
      id,
      status: 'cancelled',
      disconnectionReason: 'cancelled',
      startedAt: null,
      endedAt: expect.stringMatching(/Z$/),
      duration: 0,
      outcome: { responsible: 'operator', retryable: false },
    });
    expect(await get(id)).toEqual(body.data);
    expect(await eventTypes(id)).toEqual(['call.queued', 'call.ended']);
  });

  it('200 cancels a call that is dialled and not answered yet', async () => {
    const id = await app.createCall(tenant);
    await advanceCall(app, id, 'ringing');
    const { status, body } = await cancel(id);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ status: 'cancelled', startedAt: null });
  });

  it('200 ignores a JSON body', async () => {
    expect((await cancel(await app.createCall(tenant), tenant.key, {})).status).toBe(200);
  });

  it('200 moves the call from one total to the other', async () => {
    const id = await app.createCall(tenant);
    const [queued, cancelled] = [await total('queued'), await total('cancelled')];
    await cancel(id);
    expect([await total('queued'), await total('cancelled')]).toEqual([queued - 1, cancelled + 1]);
  });

  it('409 for an ended call', async () => {
    const id = await app.createCall(tenant);
    await advanceCall(app, id, 'ended');
    const before = await get(id);
    const { status, body } = await cancel(id);
    expect(status).toBe(409);
    expect(body.error).toEqual({
      code: 'conflict',
      message: 'The call is already over: completed',
      details: { status: 'completed' },
    });
    expect(await get(id)).toEqual(before);
  });

  it('200 for a repeated cancel, without another event', async () => {
    const id = await app.createCall(tenant);
    const first = await cancel(id);
    const again = await cancel(id);
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.body.data).toEqual(first.body.data);
  });

  it('409 when the call is connected', async () => {
    const id = await app.createCall(tenant);
    await advanceCall(app, id, 'connected');
    const { status, body } = await cancel(id);
    expect(status).toBe(409);
    expect(body.error.code).toBe('conflict');
    expect(await get(id)).toMatchObject({ status: 'in_progress', endedAt: null });
  });

  it('200 for each of many concurrent requests, and the call ends once', async () => {
    const id = await app.createCall(tenant);
    const answers = await Promise.all(Array.from({ length: 20 }, () => cancel(id)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual(Array.from({ length: 20 }, () => 200));
    expect(await eventTypes(id)).toEqual(['call.queued', 'call.ended']);
  });

  it("404 is the same for another organization's call, another environment's and a missing one", async () => {
    const id = await app.createCall(tenant);
    const stranger = await app.tenant();
    const liveKey = await app.key(tenant.organizationId, { environment: 'live' });
    const answers = [
      await cancel(id, stranger.key),
      await cancel(id, liveKey),
      await cancel('01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10'),
      await cancel('clx-call-001'),
    ];
    for (const { status, text, body } of answers) {
      expect(status).toBe(404);
      const error = '{"code":"not_found","message":"Call not found","details":null}';
      expect(text).toBe(`{"error":${error},"requestId":"${body.requestId}"}`);
    }
    expect(await get(id)).toMatchObject({ status: 'queued' });
  });

  it('403 without the scope, and the call does not change', async () => {
    const id = await app.createCall(tenant);
    const { status, body } = await cancel(id, await app.key(tenant.organizationId, { scopes: ['calls:read'] }));
    expect(status).toBe(403);
    expect(body.error).toMatchObject({
      code: 'insufficient_scope',
      message: 'API key does not have the required scope: calls:write',
    });
    expect(await get(id)).toMatchObject({ status: 'queued' });
  });
});
