import { type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';
import { advanceCall } from './call-steps.js';

describe('GET /v1/calls/{id}', () => {
  const app = useApp();
  let tenant: Tenant;

  beforeAll(async () => {
    tenant = await app.tenant();
  });

  const get = (id: string, key = tenant.key) => app.request('GET', `/v1/calls/${id}`, { key });

  it('200 has every field of the contract, null for an unknown value', async () => {
    const id = await app.createCall(tenant, { customerName: 'John Doe', metadata: { campaign_id: 'summer_2026' } });
    const { status, body } = await get(id);
    expect(status).toBe(200);
    expect(body).toEqual({
      data: {
        id,
        customerName: 'John Doe',
        customerPhone: '+1234567890',
        duration: null,
        status: 'queued',
        direction: 'OUTBOUND',
        disconnectionReason: null,
        sentiment: null,
        summary: null,
        transcript: null,
        recording: null,
        callSuccessful: null,
        tokenCost: null,
        agentId: tenant.agentId,
        agentVersion: null,
        campaignId: null,
        startedAt: null,
        endedAt: null,
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        fromNumber: '+0987654321',
        toNumber: '+1234567890',
        metadata: { campaign_id: 'summer_2026' },
        scheduledAt: null,
        environment: 'test',
        outcome: null,
        answeredBy: null,
        quality: null,
        analysis: null,
        costs: null,
        latency: null,
      },
      requestId: expect.stringMatching(/^req-/),
    });
  });

  it('200 shows the progress and the end of a call', async () => {
    const id = await app.createCall(tenant);
    await advanceCall(app, id, 'ringing');
    expect((await get(id)).body.data).toMatchObject({ status: 'in_progress', startedAt: null, endedAt: null });
    const answered = await app.createCall(tenant);
    await advanceCall(app, answered, 'connected');
    expect((await get(answered)).body.data).toMatchObject({
      status: 'in_progress',
      startedAt: '2026-04-05T14:00:00.000Z',
      duration: null,
    });
    const ended = await app.createCall(tenant);
    await advanceCall(app, ended, 'ended');
    expect((await get(ended)).body.data).toMatchObject({
      status: 'completed',
      startedAt: '2026-04-05T14:00:00.000Z',
      endedAt: '2026-04-05T14:04:00.000Z',
      duration: 240,
      disconnectionReason: 'agent_hangup',
      outcome: { sipCode: 200, responsible: 'agent', retryable: false, detail: null },
    });
  });

  it("404 is the same for another organization's call, another environment's and a missing one", async () => {
    const id = await app.createCall(tenant);
    const stranger = await app.tenant();
    const liveKey = await app.key(tenant.organizationId, { environment: 'live' });
    const answers = [
      await get(id, stranger.key),
      await get(id, liveKey),
      await get('01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10'),
    ];
    for (const { status, text, body } of answers) {
      expect(status).toBe(404);
      const error = '{"code":"not_found","message":"Call not found","details":null}';
      expect(text).toBe(`{"error":${error},"requestId":"${body.requestId}"}`);
    }
  });

  it.each([
    'x',
    '42',
    '%00',
    '%ff',
    '..%2f..%2fetc',
    'clx-call-001',
    "1'%20or%20'1'='1",
    'x'.repeat(2000),
    '%F0%9F%93%9E',
  ])('404 for a malformed id: %s', async (id) => {
    const { status, body } = await get(id);
    expect(status).toBe(404);
    expect(body.error.code).toBe('not_found');
  });

  it('403 without the scope', async () => {
    const key = await app.key(tenant.organizationId, { scopes: ['calls:write'] });
    const { status, body } = await get('x', key);
    expect(status).toBe(403);
    expect(body.error).toMatchObject({
      code: 'insufficient_scope',
      message: 'API key does not have the required scope: calls:read',
    });
  });
});
