import { type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';
import { advanceCall } from './call-steps.js';

describe('GET /v1/calls/{id}/events', () => {
  const app = useApp();
  let tenant: Tenant;

  beforeAll(async () => {
    tenant = await app.tenant();
  });

  const getEvents = (id: string, key = tenant.key) => app.request('GET', `/v1/calls/${id}/events`, { key });

  it('200 has the queued facts and the creation time of the call', async () => {
    const id = await app.createCall(tenant, { customerName: 'John Doe', metadata: { campaign_id: 'summer_2026' } });
    const { createdAt } = (await app.request('GET', `/v1/calls/${id}`, { key: tenant.key })).body.data;
    const { status, body } = await getEvents(id);
    expect(status).toBe(200);
    expect(body).toEqual({
      data: [
        {
          id: `${id}.1`,
          type: 'call.queued',
          version: 1,
          occurredAt: createdAt,
          data: {
            environment: 'test',
            agentId: tenant.agentId,
            direction: 'OUTBOUND',
            fromNumber: tenant.fromNumber,
            toNumber: '+1234567890',
            customerName: 'John Doe',
            metadata: { campaign_id: 'summer_2026' },
          },
        },
      ],
      requestId: expect.stringMatching(/^req-/),
    });
  });

  it('200 lists all events, oldest first, without gaps', async () => {
    const id = await app.createCall(tenant);
    await advanceCall(app, id, 'ended');
    const { body } = await getEvents(id);
    expect(body.data.map(({ id: eventId, version, type }: any) => [eventId, version, type])).toEqual([
      [`${id}.1`, 1, 'call.queued'],
      [`${id}.2`, 2, 'call.dialing'],
      [`${id}.3`, 3, 'call.ringing'],
      [`${id}.4`, 4, 'call.started'],
      [`${id}.5`, 5, 'call.ended'],
    ]);
    expect(body.data[4]).toMatchObject({
      occurredAt: '2026-04-05T14:04:00.000Z',
      data: { status: 'completed', disconnectionReason: 'agent_hangup' },
    });
  });

  it('200 hides the key and the organization', async () => {
    const { text } = await getEvents(await app.createCall(tenant));
    expect(text).not.toContain(tenant.organizationId);
    expect(text).not.toContain('keyId');
  });

  it("404 is the same for another organization's call, another environment's and a missing one", async () => {
    const id = await app.createCall(tenant);
    const stranger = await app.tenant();
    const liveKey = await app.key(tenant.organizationId, { environment: 'live' });
    const answers = [
      await getEvents(id, stranger.key),
      await getEvents(id, liveKey),
      await getEvents('01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10'),
      await getEvents('clx-call-001'),
    ];
    for (const { status, text, body } of answers) {
      expect(status).toBe(404);
      const error = '{"code":"not_found","message":"Call not found","details":null}';
      expect(text).toBe(`{"error":${error},"requestId":"${body.requestId}"}`);
    }
  });

  it('403 without the scope', async () => {
    const key = await app.key(tenant.organizationId, { scopes: ['calls:write'] });
    const { status, body } = await getEvents(await app.createCall(tenant), key);
    expect(status).toBe(403);
    expect(body.error).toMatchObject({
      code: 'insufficient_scope',
      message: 'API key does not have the required scope: calls:read',
    });
  });
});
