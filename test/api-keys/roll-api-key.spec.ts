import { randomUUID } from 'node:crypto';
import { type Answer, type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';
import { eventually } from '../support/process.js';

describe('POST /v1/api-keys/{id}/roll', () => {
  const app = useApp();
  let tenant: Tenant;

  beforeAll(async () => {
    tenant = await app.tenant('live');
  });

  const ask = (method: string, path: string, body?: unknown, key = tenant.key) =>
    app.request(method, `/v1/api-keys${path}`, { key, ...(body === undefined ? {} : { body }) });
  const create = async (fields: object = {}) =>
    (await ask('POST', '', { name: 'CRM', environment: 'test', scopes: ['calls:read'], ...fields })).body.data;
  const roll = (id: string, body?: unknown, key = tenant.key) => ask('POST', `/${id}/roll`, body, key);
  const statusWith = async (key: string) => (await app.request('GET', '/v1/calls', { key })).status;
  const view = async (id: string) => (await ask('GET', '?limit=100')).body.data.find((each: any) => each.id === id);
  /** Lets so much time pass for one key, by moving its end. */
  const pass = (id: string, time: string) =>
    app.db.database.query('update api_keys set expires_at = expires_at - $2::interval where id = $1', [id, time]);
  /** Resolves when so many statements wait for a lock of another. */
  const waitingForLock = (count: number) =>
    eventually(`${count} waiting`, async () => {
      const rows = await app.db.database.query(
        `select 1 from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and backend_type = 'client backend'`,
      );
      return rows.length >= count ? true : undefined;
    });
  const expectNotFound = ({ status, text, body }: Answer) => {
    expect(status).toBe(404);
    const error = '{"code":"not_found","message":"API key not found","details":null}';
    expect(text).toBe(`{"error":${error},"requestId":"${body.requestId}"}`);
  };

  it('201 has a new key that can do the same', async () => {
    const fields = {
      scopes: ['calls:read', 'agents:read'],
      rateLimitPerMinute: 60,
      expiresAt: '2099-01-01T00:00:00.000Z',
    };
    const old = await create(fields);
    const { status, body } = await roll(old.id);
    expect(status).toBe(201);
    const { id, key, ending, createdAt, ...same } = body.data;
    expect(same).toEqual({ name: 'CRM', environment: 'test', revokedAt: null, ...fields });
    expect([id, key]).not.toEqual([old.id, old.key]);
    expect(key.endsWith(ending)).toBe(true);
    expect(createdAt >= old.createdAt).toBe(true);
    expect(await statusWith(key)).toBe(200);
  });

  it('201 without an overlap ends the old key at once', async () => {
    for (const body of [undefined, {}, { overlapSeconds: 0 }, { overlapSeconds: null }]) {
      const old = await create();
      const rolled = await roll(old.id, body);
      expect(rolled.status).toBe(201);
      expect([await statusWith(old.key), await statusWith(rolled.body.data.key)]).toEqual([403, 200]);
    }
  });

  it('201 with an overlap lets both work until it is over', async () => {
    const old = await create();
    const { key } = (await roll(old.id, { overlapSeconds: 3600 })).body.data;
    expect([await statusWith(old.key), await statusWith(key)]).toEqual([200, 200]);
    await pass(old.id, '59 minutes');
    expect(await statusWith(old.key)).toBe(200);
    await pass(old.id, '1 minute');
    expect([await statusWith(old.key), await statusWith(key)]).toEqual([403, 200]);
  });

  it('201 never makes the old key last longer than it would have', async () => {
    const expiresAt = new Date(Date.now() + 600_000).toISOString();
    const old = await create({ expiresAt });
    await roll(old.id, { overlapSeconds: 3600 });
    expect((await view(old.id)).expiresAt).toBe(expiresAt);
  });

  it('201 for the key that asks', async () => {
    const old = await create({ scopes: ['api-keys:manage'] });
    const { status, body } = await roll(old.id, {}, old.key);
    expect(status).toBe(201);
    expect((await ask('GET', '', undefined, body.data.key)).status).toBe(200);
    expect((await ask('GET', '', undefined, old.key)).status).toBe(403);
  });

  it('409 for a key that has ended: revoked, expired or rolled already', async () => {
    const [revoked, expired, rolled] = [await create(), await create({ expiresAt: '2099-01-01' }), await create()];
    await ask('DELETE', `/${revoked.id}`);
    await pass(expired.id, '100 years');
    await roll(rolled.id);
    for (const { id } of [revoked, expired, rolled]) {
      const { status, body } = await roll(id, { overlapSeconds: 60 });
      expect(status).toBe(409);
      expect(body.error).toMatchObject({ code: 'conflict', details: null });
    }
  });

  it('201 for exactly one of many that roll the same key at once', async () => {
    const old = await create();
    const rolls: Promise<Answer>[] = [];
    await app.db.database.transaction(async (client) => {
      await client.query('select 1 from api_keys where id = $1 for update', [old.id]);
      while (rolls.length < 5) rolls.push(roll(old.id));
      await waitingForLock(5);
    });
    const answers = await Promise.all(rolls);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
  });

  it('201 for every one of more than there are database connections, each with a key of its own', async () => {
    const keys = await Promise.all(Array.from({ length: 30 }, () => create()));
    const answers = await Promise.all(keys.map(({ id }) => roll(id)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
  });

  it('403 for a key that holds a scope which the caller lacks, and the old key stays', async () => {
    const old = await create({ scopes: ['calls:read', 'calls:write'] });
    const lacking = await app.key(tenant.organizationId, { scopes: ['api-keys:manage', 'calls:read'] });
    const { status, body } = await roll(old.id, {}, lacking);
    expect(status).toBe(403);
    expect(body.error).toMatchObject({
      code: 'insufficient_scope',
      message: 'API key does not have the required scope: calls:write',
    });
    expect(await statusWith(old.key)).toBe(200);
  });

  it('403 for a key with a higher rate limit than the caller has: its own would be no limit', async () => {
    const old = await create({ rateLimitPerMinute: 0 });
    const limited = await app.key(tenant.organizationId, { rateLimitPerMinute: 10 });
    const { status, body } = await roll(old.id, {}, limited);
    expect([status, body.error?.code]).toEqual([403, 'forbidden']);
    expect(await statusWith(old.key)).toBe(200);
  });

  it("404 is the same for another organization's key, a live key asked for by a test key, and none", async () => {
    const [test, live] = [await create(), await create({ environment: 'live' })];
    const stranger = await app.tenant('live');
    const testKey = await app.key(tenant.organizationId);
    expectNotFound(await roll(test.id, {}, stranger.key));
    expectNotFound(await roll(live.id, {}, testKey));
    for (const id of [randomUUID(), 'x']) expectNotFound(await roll(id));
    expect([await statusWith(test.key), await statusWith(live.key)]).toEqual([200, 200]);
  });

  it.each([-1, 1.5, '60', 30 * 86_400 + 1, {}])(
    '400 for an overlap of %j, and the key stays',
    async (overlapSeconds) => {
      const old = await create();
      const { status, body } = await roll(old.id, { overlapSeconds });
      expect([status, body.error.code]).toEqual([400, 'validation_error']);
      expect(Object.keys(body.error.details)).toEqual(['overlapSeconds']);
      expect(await statusWith(old.key)).toBe(200);
    },
  );
});
