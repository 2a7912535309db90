import { type Answer, TestApp, type Tenant } from '../support/app.js';
import { eventually } from '../support/process.js';
import { WebhookHarness } from './webhooks-harness.js';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const URL = 'https://example.com/hook';
const SECRET = expect.stringMatching(/^whsec_[0-9A-Za-z+/]{43}=$/);

describe('webhooks', () => {
  let harness: WebhookHarness;
  let stranger: Tenant;
  let liveKey: string;

  beforeAll(async () => {
    harness = await WebhookHarness.open();
    stranger = await harness.app.tenant();
    liveKey = await harness.app.key(harness.tenant.organizationId, { environment: 'live' });
  });
  afterEach(() => harness.clear());
  afterAll(() => harness.close());

  const expectNotFound = ({ status, body }: Answer, thing = 'Webhook') => {
    expect([status, body.error]).toEqual([404, { code: 'not_found', message: `${thing} not found`, details: null }]);
  };
  const expectRefused = ({ status, body }: Answer, ...fields: string[]) => {
    expect([status, body.error?.code]).toEqual([400, 'validation_error']);
    expect(Object.keys(body.error.details)).toEqual(fields);
  };

  describe('every endpoint', () => {
    const ROUTES: [string, string, object | undefined][] = [
      ['GET', '', undefined],
      ['POST', '', { url: URL }],
      ['GET', '/:id', undefined],
      ['PATCH', '/:id', { description: 'Mine' }],
      ['DELETE', '/:id', undefined],
      ['POST', '/:id/rotate', {}],
      ['GET', '/:id/deliveries', undefined],
      ['GET', '/:id/deliveries/:delivery', undefined],
      ['POST', '/:id/deliveries/:delivery/retry', {}],
      ['POST', '/:id/replay', { from: '2026-01-01T00:00:00Z' }],
      ['POST', '/:id/test', {}],
    ];
    const fill = (path: string, id: string, delivery = id) => path.replace(':id', id).replace(':delivery', delivery);

    it.each(ROUTES)('401 without a key, 403 without the scope: %s /v1/webhooks%s', async (method, path, body) => {
      const { id } = await harness.add();
      expect((await harness.ask(method, fill(path, id), body, 'rpl_test_x')).status).toBe(401);
      const key = await harness.app.key(harness.tenant.organizationId, { scopes: ['calls:read', 'calls:write'] });
      const answer = await harness.ask(method, fill(path, id), body, key);
      expect([answer.status, answer.body.error.code]).toEqual([403, 'insufficient_scope']);
      expect(answer.body.error.message).toBe('API key does not have the required scope: webhooks:manage');
    });

    it.each(ROUTES.filter(([, path]) => path !== ''))(
      '404 for another organization, the other environment and what names nothing: %s /v1/webhooks%s',
      async (method, path, body) => {
        const { id } = await harness.add();
        const { body: test } = await harness.ask('POST', `/${id}/test`);
        for (const key of [stranger.key, liveKey])
          expectNotFound(await harness.ask(method, fill(path, id, test.data.id), body, key));
        for (const nothing of ['01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10', 'nothing', '%00', "'"])
          expectNotFound(await harness.ask(method, fill(path, nothing, test.data.id), body));
        expect((await harness.ask('GET', `/${id}`)).body.data.description).toBeNull();
      },
    );

    it.each(ROUTES.filter(([, path]) => path.includes(':delivery')))(
      '404 for the delivery of another webhook: %s /v1/webhooks%s',
      async (method, path, body) => {
        const [one, other] = [await harness.add(), await harness.add()];
        const { body: test } = await harness.ask('POST', `/${one.id}/test`);
        expectNotFound(await harness.ask(method, fill(path, other.id, test.data.id), body), 'Delivery');
        expectNotFound(await harness.ask(method, fill(path, other.id, 'nothing'), body), 'Delivery');
      },
    );
  });

  describe('POST /v1/webhooks', () => {
    it('201 has the webhook, with the secret this once', async () => {
      const given = { url: URL, events: ['call.ended', 'call.analyzed'], description: 'CRM', isActive: false };
      const { status, body } = await harness.ask('POST', '', given);
      expect(status).toBe(201);
      expect(body.data).toEqual({
        ...given,
        ...{ id: expect.any(String), environment: 'test', secret: SECRET, createdAt: TIME, updatedAt: TIME },
        ...{ failingSince: null, disabledReason: null, disabledAt: null, oldSecretUntil: null },
      });
      const { secret, ...rest } = body.data;
      const shown = await harness.ask('GET', `/${body.data.id}`);
      expect(shown.body.data).toEqual(rest);
      const [row] = await harness.db.database.query<{ text: string }>(
        'select e::text as text from webhook_endpoints e',
      );
      for (const text of [shown.text, (await harness.ask('GET', '')).text, row!.text]) {
        expect(text).not.toContain(secret);
        expect(text).not.toContain(secret.slice(6));
      }
    });

    it('201 needs an address only: the end of calls is what it is told of', async () => {
      for (const nothing of [{}, { events: null, description: null, isActive: null }])
        expect(await harness.add({ url: URL, ...nothing })).toMatchObject({
          ...{ events: ['call.ended'], description: null, isActive: true },
        });
    });

    it('201 each has a secret of its own', async () => {
      expect((await harness.add()).secret).not.toBe((await harness.add()).secret);
    });

    it.each([
      [{}],
      [{ url: 'example.com' }],
      [{ url: 'http://user:password@example.com/' }],
      [{ url: 'https://localhost/' }],
      [{ url: 'https://10.0.0.1/' }],
      [{ url: 'https://169.254.169.254/latest/meta-data' }],
      [{ url: 'https://[::ffff:a00:1]/' }],
      [{ url: 'https://0x0a.1/' }],
      [{ url: 'ftp://example.com/' }],
      [{ url: '' }],
      [{ url: 7 }],
    ])('400 for the address %j', async (fields) => {
      // Tests may reach the loopback by name, too; nobody else may.
      const outbound = { allowNetworks: [], httpsOnly: false };
      const app = await TestApp.start(harness.db.url, { outbound });
      const answer = await app.request('POST', '/v1/webhooks', { key: harness.tenant.key, body: fields });
      await app.close();
      expectRefused(answer, 'url');
    });

    it('400 for http in production', async () => {
      const app = await TestApp.start(harness.db.url, { outbound: { allowNetworks: [], httpsOnly: true } });
      const body = { url: 'http://example.com/' };
      const answer = await app.request('POST', '/v1/webhooks', { key: harness.tenant.key, body });
      await app.close();
      expectRefused(answer, 'url');
      expect(answer.body.error.details.url).toBe('The address must begin with https://');
    });

    it.each([
      ['events', []],
      ['events', ['call.exploded']],
      ['events', ['call.ended', 'call.ended']],
      ['events', 'call.ended'],
      ['events', ['webhook.test']],
      ['description', 7],
      ['isActive', 'yes'],
    ])('400 for %s %j', async (field, value) => {
      expectRefused(await harness.ask('POST', '', { url: URL, [field]: value }), field);
    });

    it('409 when there are too many', async () => {
      await harness.db.database.query(
        `insert into webhook_endpoints (id, organization_id, environment, url, events, sealed_secret)
         select gen_random_uuid(), $1, 'test', 'https://example.com', '{call.ended}', 'x' from generate_series(1, 200)`,
        [harness.tenant.organizationId],
      );
      const { status, body } = await harness.ask('POST', '', { url: URL });
      expect([status, body.error.code]).toEqual([409, 'conflict']);
      expect((await harness.ask('POST', '', { url: URL }, liveKey)).status).toBe(201);
    });

    it('409 says what to do when the server has no key to keep secrets with', async () => {
      const app = await TestApp.start(harness.db.url, { encryptionKey: undefined, databaseUrl: harness.db.url });
      const answer = await app.request('POST', '/v1/webhooks', { key: harness.tenant.key, body: { url: URL } });
      await app.close();
      expect([answer.status, answer.body.error.code]).toEqual([409, 'conflict']);
      expect(answer.body.error.message).toContain('ENCRYPTION_KEY');
    });
  });

  describe('GET /v1/webhooks', () => {
    it('200 has those of the organization and environment, newest first, in pages', async () => {
      const ids = [];
      for (const path of ['a', 'b', 'c']) ids.unshift((await harness.add({ url: `${URL}/${path}` })).id);
      await harness.add({ url: URL }, stranger.key);
      await harness.add({ url: URL }, liveKey);
      const { status, body } = await harness.ask('GET', '?limit=2');
      expect([status, body.pagination]).toEqual([200, { page: 1, limit: 2, total: 3, totalPages: 2 }]);
      expect(body.data.map(({ id }: any) => id)).toEqual(ids.slice(0, 2));
      expect((await harness.ask('GET', '?limit=2&page=2')).body.data.map(({ id }: any) => id)).toEqual(ids.slice(2));
    });
  });

  describe('PATCH /v1/webhooks/{id}', () => {
    it('200 changes what is given', async () => {
      const { id, secret: _, ...before } = await harness.add({ description: 'CRM' });
      const { status, body } = await harness.ask('PATCH', `/${id}`, { url: URL, events: ['call.analyzed'] });
      expect([status, body.data]).toEqual([
        200,
        { ...before, id, url: URL, events: ['call.analyzed'], updatedAt: TIME },
      ]);
      expect((await harness.ask('PATCH', `/${id}`, { description: null })).body.data.description).toBeNull();
      expect((await harness.ask('PATCH', `/${id}`, { isActive: false })).body.data.isActive).toBe(false);
      expect((await harness.ask('PATCH', `/${id}`, {})).body.data).toMatchObject({ url: URL, isActive: false });
      expect((await harness.ask('PATCH', `/${id}`, { url: null, events: null })).body.data).toMatchObject({ url: URL });
    });

    it('200 another address is not blamed for the failures of the one before', async () => {
      const { id, url } = await harness.add();
      await harness.db.database.query('update webhook_endpoints set failing_since = now()');
      expect((await harness.ask('PATCH', `/${id}`, { url })).body.data.failingSince).toEqual(TIME);
      expect((await harness.ask('PATCH', `/${id}`, { url: URL })).body.data.failingSince).toBeNull();
    });

    it('400 for what cannot be', async () => {
      const { id } = await harness.add();
      expectRefused(await harness.ask('PATCH', `/${id}`, { url: 'http://10.0.0.1/' }), 'url');
      expectRefused(await harness.ask('PATCH', `/${id}`, { events: ['x'] }), 'events');
    });
  });

  describe('DELETE /v1/webhooks/{id}', () => {
    it('200 has it as it was, and forgets it with its deliveries', async () => {
      const { id, secret: _, ...webhook } = await harness.add();
      await harness.ask('POST', `/${id}/test`);
      const { status, body } = await harness.ask('DELETE', `/${id}`);
      expect([status, body.data]).toEqual([200, { id, ...webhook }]);
      expectNotFound(await harness.ask('GET', `/${id}`));
      expectNotFound(await harness.ask('DELETE', `/${id}`));
      expect(await harness.db.database.query('select from webhook_deliveries')).toEqual([]);
    });

    it('200 also while it is told something: no attempt is logged then', async () => {
      const { id } = await harness.add();
      await harness.ask('POST', `/${id}/test`);
      let deleted: Promise<Answer> | undefined;
      harness.receiver.answer = (_, response) => {
        deleted = harness.ask('DELETE', `/${id}`);
        void deleted.then(() => response.end());
      };
      await harness.settled();
      expect((await deleted)?.status).toBe(200);
      expect(await harness.db.database.query('select from webhook_attempts')).toEqual([]);
    });
  });

  it('DELETE /v1/webhooks/{id} 200 also when it and who records deliveries lock each other out', async () => {
    const { id } = await harness.add();
    const deliveries: string[] = [];
    for (let n = 0; n < 3; n++) deliveries.push((await harness.ask('POST', `/${id}/test`)).body.data.id);
    const [first, middle, last] = deliveries;
    const lock = 'select from webhook_deliveries where id = any($1) for update';
    const deleted = await harness.db.database.transaction(async (client) => {
      await client.query(lock, [[middle]]);
      const answer = harness.ask('DELETE', `/${id}`);
      await eventually('it waits', async () => {
        const { rows } = await client.query(`select from pg_locks where not granted and pid <> pg_backend_pid()
          and locktype = 'transactionid' and transactionid = pg_current_xact_id_if_assigned()::xid`);
        return rows.length > 0 ? true : undefined;
      });
      // Who began to wait first finds out first, and gives way.
      await client.query(lock, [[first, last]]);
      return { answer };
    });
    expect((await deleted.answer).status).toBe(200);
    expect(await harness.db.database.query('select from webhook_deliveries')).toEqual([]);
  });

  describe('POST /v1/webhooks/{id}/rotate', () => {
    it('201 has a new secret, and how long the old one is good', async () => {
      const { id, secret } = await harness.add();
      const { status, body } = await harness.ask('POST', `/${id}/rotate`, { overlapSeconds: 3600 });
      expect([status, body.data]).toEqual([201, expect.objectContaining({ id, secret: SECRET, oldSecretUntil: TIME })]);
      expect(body.data.secret).not.toBe(secret);
      expect((await harness.ask('GET', `/${id}`)).text).not.toContain(body.data.secret);
    });

    it('201 without an overlap the old one is good no more', async () => {
      const { id } = await harness.add();
      expect((await harness.ask('POST', `/${id}/rotate`, { overlapSeconds: 0 })).body.data.oldSecretUntil).toBeNull();
    });

    it('201 or 409 when two rotate at once: what both were told is what signs', async () => {
      const { id } = await harness.add();
      const answers = await Promise.all(Array.from({ length: 8 }, () => harness.ask('POST', `/${id}/rotate`, {})));
      const statuses = answers.map(({ status }) => status);
      expect(statuses).toContain(201);
      expect(statuses.every((status) => status === 201 || status === 409)).toBe(true);
    });

    it.each([-1, 1.5, 604_801, '60'])('400 for an overlap of %j', async (overlapSeconds) => {
      const { id } = await harness.add();
      expectRefused(await harness.ask('POST', `/${id}/rotate`, { overlapSeconds }), 'overlapSeconds');
    });
  });
});
