import { createHash, randomUUID } from 'node:crypto';
import { SCOPES } from '../../src/api-keys/api-key.js';
import { type Answer, type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';

const VIEW = [
  ...['id', 'name', 'environment', 'scopes', 'ending', 'rateLimitPerMinute', 'expiresAt', 'revokedAt', 'createdAt'],
];

describe('API keys', () => {
  const app = useApp();
  let tenant: Tenant;
  let liveKey: string;
  let stranger: Tenant;

  beforeAll(async () => {
    [tenant, stranger] = [await app.tenant(), await app.tenant('live')];
    liveKey = await app.key(tenant.organizationId, { environment: 'live' });
  });

  const ask = (method: string, path = '', body?: unknown, key = liveKey) =>
    app.request(method, `/v1/api-keys${path}`, { key, ...(body === undefined ? {} : { body }) });
  const wanted = (fields: object = {}) => ({ name: 'CRM', environment: 'test', scopes: ['calls:read'], ...fields });
  const create = async (fields: object = {}, key = liveKey) => (await ask('POST', '', wanted(fields), key)).body.data;
  /** What a request with the key is answered. */
  const statusWith = async (key: string) => (await app.request('GET', '/v1/calls', { key })).status;
  const idOf = async (key: string): Promise<string> => {
    const hash = createHash('sha256').update(key).digest();
    const [row] = await app.db.database.query<{ id: string }>('select id from api_keys where hash = $1', [hash]);
    return row?.id ?? '';
  };
  const listed = async (key = liveKey): Promise<any[]> => (await ask('GET', '?limit=100', undefined, key)).body.data;
  const expectNotFound = ({ status, text, body }: Answer) => {
    expect(status).toBe(404);
    const error = '{"code":"not_found","message":"API key not found","details":null}';
    expect(text).toBe(`{"error":${error},"requestId":"${body.requestId}"}`);
  };
  const expectCode = ({ status, body }: Answer, expected: number, code: string) => {
    expect([status, body.error.code]).toEqual([expected, code]);
  };

  describe('POST /v1/api-keys', () => {
    it('201 has the key this once, and it works', async () => {
      const expiresAt = '2099-12-31T00:00:00.000Z';
      const { status, body } = await ask('POST', '', wanted({ expiresAt, rateLimitPerMinute: 60 }));
      expect(status).toBe(201);
      expect(Object.keys(body.data)).toEqual([...VIEW, 'key']);
      const { key, ...view } = body.data;
      expect(view).toMatchObject({ ...wanted(), expiresAt, rateLimitPerMinute: 60, revokedAt: null });
      expect(key).toMatch(/^rpl_test_/);
      expect(key.endsWith(view.ending)).toBe(true);
      expect(await statusWith(key)).toBe(200);
      const list = await ask('GET', '?limit=100');
      expect(list.body.data).toContainEqual(view);
      expect(list.text).not.toContain(key);
    });

    it('201 leaves nothing but the SHA-256 of the key in the database', async () => {
      const { id, key, ending } = await create();
      const [row] = await app.db.database.query<{ hash: Buffer; ending: string; all: string }>(
        'select hash, ending, to_jsonb(k)::text as all from api_keys k where id = $1',
        [id],
      );
      expect(row?.hash).toEqual(createHash('sha256').update(key).digest());
      expect(row?.ending).toBe(ending);
      // Four characters are shown; no longer part of the secret is in any column, as text or as bytes.
      const secret = (key as string).slice('rpl_test_'.length);
      for (let start = 0; start + 6 <= secret.length; start++) {
        const part = secret.slice(start, start + 6);
        expect(row?.all).not.toContain(part);
        expect(row?.all).not.toContain(Buffer.from(part).toString('hex'));
      }
    });

    it.each(SCOPES.filter((scope) => scope !== 'api-keys:manage'))(
      '201 to grant %s for a key that holds it, 403 for one that does not',
      async (scope) => {
        const others = SCOPES.filter((each) => each !== scope);
        const lacking = await app.key(tenant.organizationId, { environment: 'live', scopes: others });
        expect((await ask('POST', '', wanted({ scopes: [scope] }))).status).toBe(201);
        const answer = await ask('POST', '', wanted({ scopes: ['api-keys:manage', scope] }), lacking);
        expectCode(answer, 403, 'insufficient_scope');
        expect(answer.body.error.message).toBe(`API key does not have the required scope: ${scope}`);
      },
    );

    it('403 for a test key that wants a live key, 201 for a live key that wants either', async () => {
      expectCode(await ask('POST', '', wanted({ environment: 'live' }), tenant.key), 403, 'forbidden');
      expect((await ask('POST', '', wanted(), tenant.key)).status).toBe(201);
      expect((await create({ environment: 'live' })).key).toMatch(/^rpl_live_/);
    });

    it.each([
      [403, 10, 11],
      [403, 10, 0],
      [403, 10, undefined],
      [403, 10, null],
      [201, 10, 10],
      [201, 10, 1],
      [201, 0, 0],
      [201, 0, 1_000_000],
      [201, undefined, 300],
      [201, undefined, undefined],
      [403, undefined, 301],
      [403, undefined, 0],
    ])('%d for a key with the rate limit %s that wants to grant %s', async (status, own, rateLimitPerMinute) => {
      const answer = await ask('POST', '', wanted({ rateLimitPerMinute }), await limitedKey(own));
      expect(answer.status).toBe(status);
      if (status === 403) expectCode(answer, 403, 'forbidden');
      else expect(answer.body.data.rateLimitPerMinute).toBe(rateLimitPerMinute ?? null);
    });

    /** A key with a limit of its own, or with the setting's (300). */
    async function limitedKey(rateLimitPerMinute: number | undefined): Promise<string> {
      const key = await app.key(tenant.organizationId, {
        environment: 'live',
        rateLimitPerMinute: rateLimitPerMinute ?? 0,
      });
      if (rateLimitPerMinute === undefined)
        await app.db.database.query('update api_keys set rate_limit_per_minute = null where id = $1', [
          await idOf(key),
        ]);
      return key;
    }

    it.each([
      ['name', undefined],
      ['name', 5],
      ['name', 'x'.repeat(201)],
      ['environment', undefined],
      ['environment', 'production'],
      ['scopes', undefined],
      ['scopes', []],
      ['scopes', 'calls:read'],
      ['scopes', ['calls:delete']],
      ['scopes', ['calls:read', 'calls:read']],
      ['scopes', ['all']],
      ['scopes', [{}]],
      ['expiresAt', '2020-01-01T00:00:00Z'],
      ['expiresAt', 'never'],
      ['expiresAt', 4102444800],
      ['rateLimitPerMinute', -1],
      ['rateLimitPerMinute', 1.5],
      ['rateLimitPerMinute', '60'],
      ['rateLimitPerMinute', 2 ** 31],
    ])('400 names the field: %s = %j', async (name, value) => {
      const { status, body } = await ask('POST', '', wanted({ [name]: value }));
      expect(status).toBe(400);
      expect(body.error.code).toBe('validation_error');
      expect(Object.keys(body.error.details)).toEqual([name]);
    });

    it('403 without the scope', async () => {
      const key = await app.key(tenant.organizationId, { scopes: ['calls:read'] });
      expectCode(await ask('POST', '', wanted(), key), 403, 'insufficient_scope');
    });
  });

  describe('GET /v1/api-keys', () => {
    it('200 lists keys newest first, ended ones included, never with the key or its hash', async () => {
      const owner = await app.tenant('live');
      const { id: revoked } = await create({}, owner.key);
      await ask('DELETE', `/${revoked}`, undefined, owner.key);
      const { id: newest } = await create({}, owner.key);
      const { status, body, text } = await ask('GET', '?limit=2', undefined, owner.key);
      expect(status).toBe(200);
      expect(body.data.map(({ id }: any) => id)).toEqual([newest, revoked]);
      for (const view of body.data) expect(Object.keys(view)).toEqual(VIEW);
      expect(body.pagination).toEqual({ page: 1, limit: 2, total: 3, totalPages: 2 });
      expect(text).not.toMatch(/rpl_(test|live)_|hash/);
    });

    it("200 shows a test key test keys only, and nobody another organization's", async () => {
      const { id: live } = await create({ environment: 'live' });
      const { id: test } = await create();
      const seenByTest = await listed(tenant.key);
      expect(seenByTest.map(({ id }) => id)).toContain(test);
      expect(new Set(seenByTest.map(({ environment }) => environment))).toEqual(new Set(['test']));
      expect((await listed()).map(({ id }) => id)).toEqual(expect.arrayContaining([live, test]));
      expect((await listed(stranger.key)).map(({ id }) => id)).toEqual([await idOf(stranger.key)]);
    });

    it.each(['page=0', 'limit=101', 'limit=abc'])('400 for ?%s', async (query) => {
      expectCode(await ask('GET', `?${query}`), 400, 'validation_error');
    });
  });

  describe('DELETE /v1/api-keys/{id}', () => {
    it('200 ends the key at once', async () => {
      const { id, key } = await create();
      const { status, body } = await ask('DELETE', `/${id}`);
      expect(status).toBe(200);
      expect(Object.keys(body.data)).toEqual(VIEW);
      expect(body.data.revokedAt).toMatch(/Z$/);
      expect(await statusWith(key)).toBe(403);
    });

    it('200 again leaves the moment of revocation as it was', async () => {
      const { id } = await create();
      const first = await ask('DELETE', `/${id}`);
      const second = await ask('DELETE', `/${id}`);
      expect([second.status, second.body.data]).toEqual([200, first.body.data]);
    });

    it('200 for the key that asks, which was its last request', async () => {
      const { id, key } = await create({ scopes: ['api-keys:manage'] });
      expect((await ask('DELETE', `/${id}`, undefined, key)).status).toBe(200);
      expectCode(await ask('GET', '', undefined, key), 403, 'forbidden');
    });

    it("404 is the same for another organization's key, a live key asked for by a test key, and none", async () => {
      const test = await create({ environment: 'test' });
      const live = await create({ environment: 'live' });
      expectNotFound(await ask('DELETE', `/${test.id}`, undefined, stranger.key));
      expectNotFound(await ask('DELETE', `/${live.id}`, undefined, tenant.key));
      for (const id of [randomUUID(), 'x', test.ending]) expectNotFound(await ask('DELETE', `/${id}`));
      expect([await statusWith(test.key), await statusWith(live.key)]).toEqual([200, 200]);
    });
  });
});
