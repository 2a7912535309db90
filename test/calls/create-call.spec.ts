import { type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';

const DAY_MS = 86_400_000;
const REQUIRED = 'agentId, toNumber, and fromNumber are required';

describe('POST /v1/calls', () => {
  const app = useApp();
  let tenant: Tenant;

  beforeAll(async () => {
    tenant = await app.tenant();
  });

  const valid = (fields: object = {}) => ({
    agentId: tenant.agentId,
    toNumber: '+1234567890',
    fromNumber: tenant.fromNumber,
    ...fields,
  });
  const post = (body: unknown, key = tenant.key) => app.request('POST', '/v1/calls', { key, body });
  const get = async (id: string) => (await app.request('GET', `/v1/calls/${id}`, { key: tenant.key })).body.data;
  const countCalls = async () =>
    (await app.request('GET', '/v1/calls', { key: tenant.key })).body.pagination.total as number;

  it('201 has exactly the id, the status queued and the id of the dial job', async () => {
    const { status, body } = await post(valid());
    expect(status).toBe(201);
    expect(body).toEqual({
      data: { id: expect.any(String), status: 'queued', taskId: expect.any(String) },
      requestId: expect.stringMatching(/^req-/),
    });
    expect(body.data.taskId).toContain(body.data.id);
  });

  it('201 stores all fields', async () => {
    const given = {
      voiceId: 'en-US-calm',
      language: 'en-US',
      customerName: 'John Doe',
      dynamicVariables: { company: 'Acme Corp', purpose: 'Follow-up on quote' },
      metadata: { campaign_id: 'summer_2026', nested: [{ a: 1.5 }, null, true] },
      scheduledAt: '2026-04-05T14:00:00Z',
      disableKnowledgeBases: true,
    };
    const id = (await post(valid(given))).body.data.id as string;
    const [row] = await app.db.database.query<Record<string, unknown>>('select * from calls where id = $1', [id]);
    expect(row).toMatchObject({
      organization_id: tenant.organizationId,
      environment: 'test',
      agent_id: tenant.agentId,
      status: 'queued',
      direction: 'OUTBOUND',
      from_number: tenant.fromNumber,
      to_number: '+1234567890',
      customer_name: given.customerName,
      voice_id: given.voiceId,
      language: given.language,
      dynamic_variables: given.dynamicVariables,
      metadata: given.metadata,
      disable_knowledge_bases: true,
      scheduled_at: new Date(given.scheduledAt),
    });
    expect(await get(id)).toMatchObject({ customerName: 'John Doe', metadata: given.metadata });
  });

  it('201 means that event, row and count are committed', async () => {
    const before = await countCalls();
    const { id } = (await post(valid())).body.data;
    // A connection outside the application sees committed work only.
    const events = await app.db.database.query('select version, type from call_events where stream_id = $1', [id]);
    expect(events).toEqual([{ version: 1, type: 'call.queued' }]);
    const rows = await app.db.database.query('select status, version from calls where id = $1', [id]);
    expect(rows).toEqual([{ status: 'queued', version: 1 }]);
    expect(await countCalls()).toBe(before + 1);
  });

  it('201 for each of many concurrent requests, each call stored once', async () => {
    const before = await countCalls();
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => post(valid({ metadata: { n } }))));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(200);
    const ids = answers.map(({ body }) => body.data.id as string);
    expect(new Set(ids).size).toBe(200);
    const rows = await app.db.database.query<{ id: string; metadata: { n: number } }>(
      'select id, metadata from calls where id = any($1)',
      [ids],
    );
    // Each reply has the id of its own call, although appends share commits.
    expect(new Map(rows.map(({ id, metadata }) => [id, metadata.n]))).toEqual(new Map(ids.map((id, n) => [id, n])));
    expect(await countCalls()).toBe(before + 200);
  });

  it('201 ignores unknown fields', async () => {
    const { status, body } = await post(
      valid({ priority: 'high', id: 'mine', status: 'completed', organizationId: 'x' }),
    );
    expect(status).toBe(201);
    expect(body.data.id).not.toBe('mine');
    expect(await get(body.data.id)).toMatchObject({ status: 'queued', agentId: tenant.agentId });
  });

  it('201 takes null for an optional field as absent', async () => {
    const optional = ['voiceId', 'language', 'customerName', 'dynamicVariables', 'metadata', 'scheduledAt'];
    const nulls = Object.fromEntries([...optional, 'disableKnowledgeBases'].map((name) => [name, null]));
    const { status, body } = await post(valid(nulls));
    expect(status).toBe(201);
    expect(await get(body.data.id)).toMatchObject({ customerName: null, metadata: null, scheduledAt: null });
  });

  it('201 normalizes the case of the agent id', async () => {
    const { body } = await post(valid({ agentId: tenant.agentId.toUpperCase() }));
    expect((await get(body.data.id)).agentId).toBe(tenant.agentId);
  });

  describe('scheduledAt', () => {
    it.each([
      ['in the past', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00.000Z'],
      ['with an offset', '2026-04-05T16:30:00+02:30', '2026-04-05T14:00:00.000Z'],
      ['without an offset', '2026-04-05T14:00:00', '2026-04-05T14:00:00.000Z'],
      ['as a date', '2026-04-05', '2026-04-05T00:00:00.000Z'],
    ])('201 %s, stored in UTC', async (_what, scheduledAt, kept) => {
      const { status, body } = await post(valid({ scheduledAt }));
      expect(status).toBe(201);
      expect(await get(body.data.id)).toMatchObject({ status: 'queued', scheduledAt: kept });
    });

    it('201 eleven months ahead', async () => {
      const { status } = await post(valid({ scheduledAt: new Date(Date.now() + 330 * DAY_MS).toISOString() }));
      expect(status).toBe(201);
    });

    it.each([
      ['more than a year ahead', new Date(Date.now() + 367 * DAY_MS).toISOString()],
      ['on a day that does not exist', '2026-02-30T10:00:00Z'],
      ['at an hour that does not exist', '2026-02-20T25:00:00Z'],
      ['in words', 'tomorrow'],
      ['empty', ''],
      ['as a number', 1775397600],
    ])('400 %s', async (_what, scheduledAt) => {
      const { status, body } = await post(valid({ scheduledAt }));
      expect(status).toBe(400);
      expect(body.error.code).toBe('validation_error');
      expect(Object.keys(body.error.details)).toEqual(['scheduledAt']);
    });
  });

  it.each(['agentId', 'toNumber', 'fromNumber'])('400 without %s, in the words of the contract', async (name) => {
    for (const value of [undefined, null, '']) {
      const { status, body } = await post(valid({ [name]: value }));
      expect(status).toBe(400);
      expect(body.error).toEqual({ code: 'validation_error', message: REQUIRED, details: { [name]: 'is required' } });
    }
  });

  it('400 names every missing field, also without a body', async () => {
    for (const body of [{}, undefined]) {
      const answer = await post(body);
      expect(answer.status).toBe(400);
      expect(answer.body.error.message).toBe(REQUIRED);
      expect(Object.keys(answer.body.error.details)).toEqual(['agentId', 'toNumber', 'fromNumber']);
    }
  });

  it.each(['1234567890', '+12 345 678', '+1', '+1234567890123456', 'tel:+1234567890', '+12345678９0', '+1234567890\n'])(
    '400 for the number %j',
    async (toNumber) => {
      const { status, body } = await post(valid({ toNumber }));
      expect(status).toBe(400);
      expect(Object.keys(body.error.details)).toEqual(['toNumber']);
    },
  );

  it("404 is the same for another organization's agent, a deactivated one and a missing one", async () => {
    const stranger = await app.tenant();
    const retired = (await app.request('POST', '/v1/agents', { key: tenant.key, body: { agentName: 'Old' } })).body
      .data;
    await app.request('DELETE', `/v1/agents/${retired.id}`, { key: tenant.key });
    const before = await countCalls();
    for (const agentId of [stranger.agentId, retired.id, '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10']) {
      const { status, text, body } = await post(valid({ agentId }));
      expect(status).toBe(404);
      const error = '{"code":"not_found","message":"Agent not found","details":null}';
      expect(text).toBe(`{"error":${error},"requestId":"${body.requestId}"}`);
    }
    expect(await countCalls()).toBe(before);
  });

  it.each([
    ['clx1234567890', 'clx1234567890'],
    ['42', '42'],
    ['../x', '../x'],
    ["' or 1=1", "' or 1=1"],
    ['📞', '📞'],
    ['1,000 characters', 'x'.repeat(1_000)],
  ])('404 for a malformed agent id: %s', async (_shape, agentId) => {
    const { status, body } = await post(valid({ agentId }));
    expect(status).toBe(404);
    expect(body.error).toEqual({ code: 'not_found', message: 'Agent not found', details: null });
  });

  it("403 for an unknown number or another organization's", async () => {
    const stranger = await app.tenant();
    const number = '+14155550199';
    await app.request('POST', '/v1/phone-numbers', { key: stranger.key, body: { phoneNumber: number } });
    const before = await countCalls();
    for (const fromNumber of [number, '+14155550198']) {
      const { status, body } = await post(valid({ fromNumber }));
      expect(status).toBe(403);
      expect(body.error).toMatchObject({ code: 'forbidden', details: null });
    }
    expect(await countCalls()).toBe(before);
  });

  it('403 without the scope', async () => {
    const { status, body } = await post(valid(), await app.key(tenant.organizationId, { scopes: ['calls:read'] }));
    expect(status).toBe(403);
    expect(body.error).toMatchObject({
      code: 'insufficient_scope',
      message: 'API key does not have the required scope: calls:write',
    });
  });
});
