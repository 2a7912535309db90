import { randomUUID } from 'node:crypto';
import { type SipCarrier } from '../../src/carriers/sip-carrier.js';
import { TestApp, type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';

describe('warnings of POST /v1/calls', () => {
  const app = useApp();
  let tenant: Tenant;
  let warning: string;

  beforeEach(async () => {
    tenant = await app.tenant('live');
    warning =
      `No carrier is configured for live calls from ${tenant.fromNumber}: add one with POST /v1/carriers and give it to ` +
      'the number with PATCH /v1/phone-numbers/{id}, or set SIP_CARRIER. Calls made with a rpl_test_ key are simulated';
  });

  const post = (
    key = tenant.key,
    { on = app, headers = {} }: { on?: TestApp; headers?: Record<string, string> } = {},
  ) => {
    const { agentId, fromNumber } = tenant;
    return on.request('POST', '/v1/calls', { key, headers, body: { agentId, fromNumber, toNumber: '+1234567890' } });
  };
  /** Sets or removes the carrier of the number. */
  async function give(carrierId: string | null): Promise<void> {
    const { key } = tenant;
    const { body } = await app.request('GET', '/v1/phone-numbers', { key });
    const answer = await app.request('PATCH', `/v1/phone-numbers/${body.data[0].id}`, { key, body: { carrierId } });
    expect(answer.status).toBe(200);
  }
  async function addCarrier(): Promise<string> {
    const body = { name: 'Acme', host: 'sip.example.com' };
    const answer = await app.request('POST', '/v1/carriers', { key: tenant.key, body });
    expect(answer.status).toBe(201);
    return answer.body.data.id;
  }

  it('201 warns of a number without a carrier in a live call, and names the setting', async () => {
    const { status, body } = await post();
    expect(status).toBe(201);
    const id = expect.any(String);
    expect(body).toEqual({
      data: { id, status: 'queued', taskId: id, warnings: [warning] },
      requestId: expect.stringMatching(/^req-/),
    });
    const call = await app.request('GET', `/v1/calls/${body.data.id}`, { key: tenant.key });
    expect(call.body.data).toMatchObject({ status: 'queued', environment: 'live' });
  });

  it('201 has no warning with a carrier, and one again without', async () => {
    await give(await addCarrier());
    const { status, body } = await post();
    expect([status, Object.keys(body.data)]).toEqual([201, ['id', 'status', 'taskId']]);
    await give(null);
    expect((await post()).body.data.warnings).toEqual([warning]);
  });

  it('201 warns of a disabled carrier', async () => {
    const carrierId = await addCarrier();
    await give(carrierId);
    const body = { isActive: false };
    expect((await app.request('PATCH', `/v1/carriers/${carrierId}`, { key: tenant.key, body })).status).toBe(200);
    expect((await post()).body.data.warnings).toEqual([warning]);
  });

  it('201 has no warning with a carrier in the settings', async () => {
    const sipCarrier = { id: 'default', name: 'default', targets: [] } as unknown as SipCarrier;
    const other = await TestApp.start(app.db.url, { sipCarrier });
    try {
      expect((await post(tenant.key, { on: other })).body.data).not.toHaveProperty('warnings');
    } finally {
      await other.close();
    }
  });

  it('201 has no warning for a test key', async () => {
    const { status, body } = await post(await app.key(tenant.organizationId));
    expect([status, Object.keys(body.data)]).toEqual([201, ['id', 'status', 'taskId']]);
  });

  it('201 replays the warnings byte for byte, also after a carrier was added', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const first = await post(tenant.key, { headers });
    expect(first.body.data.warnings).toEqual([warning]);
    await give(await addCarrier());
    const again = await post(tenant.key, { headers });
    expect([again.status, again.text]).toEqual([201, first.text]);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  it('201 replays the absence of warnings, also after the carrier was removed', async () => {
    await give(await addCarrier());
    const headers = { 'idempotency-key': randomUUID() };
    const first = await post(tenant.key, { headers });
    await give(null);
    const again = await post(tenant.key, { headers });
    expect([again.status, again.text]).toEqual([201, first.text]);
    expect(again.body.data).not.toHaveProperty('warnings');
  });
});
