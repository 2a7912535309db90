import { randomBytes, randomUUID } from 'node:crypto';
import { AgentsService } from '../../src/agents/agents.service.js';
import { ProviderAccountsService } from '../../src/provider-accounts/provider-accounts.service.js';
import { parseNetwork } from '../../src/lib/platform/http-client/network.js';
import { type Answer, TestApp, type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const KEY = 'sk-proj-secret-1234x7Qa';

describe('providers', () => {
  const app = useApp({ encryptionKey: randomBytes(32) });
  let tenant: Tenant;
  let stranger: Tenant;

  beforeAll(async () => {
    [tenant, stranger] = [await app.tenant(), await app.tenant()];
  });

  const ask = (method: string, path = '', body?: unknown, key = tenant.key, on: TestApp = app) =>
    on.request(method, `/v1/providers${path}`, { key, ...(body === undefined ? {} : { body }) });
  const create = async (fields: object = {}, key = tenant.key) => {
    const { status, body } = await ask('POST', '', { name: 'Ours', kind: 'openai', apiKey: KEY, ...fields }, key);
    expect([status, body.error]).toEqual([201, undefined]);
    return body.data;
  };
  const get = async (id: string) => (await ask('GET', `/${id}`)).body.data;
  const accounts = () => app.nest.get(ProviderAccountsService, { strict: false });
  const agents = () => app.nest.get(AgentsService, { strict: false });
  const keyOf = async (id: string) => (await accounts().accountsFor(tenant.organizationId, [id])).get(id)?.apiKey;
  const askAgents = (method: string, path: string, body: object, key = tenant.key) =>
    app.request(method, `/v1/agents${path}`, { key, body });
  const addAgent = async (providers: object, agentName = 'Agent') =>
    (await askAgents('POST', '', { agentName, providers })).body.data;
  const expectNotFound = ({ status, text, body }: Answer) => {
    expect(status).toBe(404);
    const error = '{"code":"not_found","message":"Provider not found","details":null}';
    expect(text).toBe(`{"error":${error},"requestId":"${body.requestId}"}`);
  };
  const expectRefused = ({ status, body }: Answer, ...fields: string[]) => {
    expect([status, body.error?.code]).toEqual([400, 'validation_error']);
    expect(Object.keys(body.error.details)).toEqual(fields);
  };
  const expectScope = async (method: string, path: string, body?: unknown) => {
    expect((await ask(method, path, body, 'rpl_test_x')).status).toBe(401);
    const key = await app.key(tenant.organizationId, { scopes: ['agents:write', 'carriers:manage'] });
    const answer = await ask(method, path, body, key);
    expect([answer.status, answer.body.error.code]).toEqual([403, 'insufficient_scope']);
    expect(answer.body.error.message).toBe('API key does not have the required scope: providers:manage');
  };

  describe('POST /v1/providers', () => {
    it('201 has the account as it was given, without its key', async () => {
      const given = { name: 'Ours', kind: 'openai', baseUrl: 'https://api.example.com/v1' };
      const { status, body, text } = await ask('POST', '', { ...given, apiKey: KEY });
      expect(status).toBe(201);
      const shown = { hasApiKey: true, apiKeyEnding: 'x7Qa', createdAt: TIME, updatedAt: TIME };
      expect(body.data).toEqual({ ...given, id: expect.any(String), ...shown });
      expect(text).not.toContain('secret');
      expect(await get(body.data.id)).toEqual(body.data);
    });

    it('201 needs neither URL nor key, and null is as absent', async () => {
      const nothing = { baseUrl: null, hasApiKey: false, apiKeyEnding: null };
      expect(await create({ kind: 'deepgram', apiKey: undefined })).toMatchObject(nothing);
      expect(await create({ baseUrl: null, apiKey: null })).toMatchObject(nothing);
    });

    it.each([
      ['123456789012', null],
      ['1234567890123', '0123'],
    ])('201 shows the ending of long keys only: %s', async (apiKey, apiKeyEnding) => {
      expect(await create({ apiKey })).toMatchObject({ hasApiKey: true, apiKeyEnding });
    });

    it('201 keeps the key encrypted', async () => {
      const { id } = await create();
      const [row] = await app.db.database.query<{ row: string }>(
        'select p::text as row from provider_accounts p where id = $1',
        [id],
      );
      expect(row?.row).not.toContain('secret');
      expect(row?.row).toContain('v1.');
    });

    it('400 without a name or a kind', async () => {
      expectRefused(await ask('POST', '', {}), 'name', 'kind');
      expectRefused(await ask('POST', '', { name: 'x' }), 'kind');
    });

    it.each([
      ['name', 'x'.repeat(201)],
      ['kind', 'anthropic'],
      ['baseUrl', 'api.example.com'],
      ['baseUrl', 'ftp://api.example.com'],
      ['baseUrl', 'https://user:secret@api.example.com'],
      ['baseUrl', 'https://api.example.com/v1?key=1'],
      ['baseUrl', 'https://api.example.com/v1#x'],
      ['baseUrl', 'http://127.0.0.1:8000/v1'],
      ['baseUrl', 'https://[::1]/v1'],
      ['baseUrl', 'http://localhost:8000/v1'],
      ['baseUrl', 'https://metadata.internal'],
      ['baseUrl', `https://api.example.com/${'x'.repeat(2_000)}`],
      ['apiKey', 7],
      ['apiKey', 'two words'],
      ['apiKey', 'a\r\nb'],
      ['apiKey', 'ключ'],
      ['apiKey', 'x'.repeat(501)],
    ])('400 names the field that is wrong: %s', async (name, value) => {
      expectRefused(await ask('POST', '', { name: 'x', kind: 'openai', [name]: value }), name);
    });

    it('201 for a private address where its network is allowed', async () => {
      const outbound = { allowNetworks: [parseNetwork('127.0.0.0/8')!], httpsOnly: false };
      const open = await TestApp.start(app.db.url, { outbound });
      try {
        const given = { name: 'x', kind: 'openai', baseUrl: 'http://127.0.0.1:8000/v1' };
        expect((await ask('POST', '', given, tenant.key, open)).status).toBe(201);
        const elsewhere = await ask('POST', '', { ...given, baseUrl: 'http://10.0.0.1/v1' }, tenant.key, open);
        expectRefused(elsewhere, 'baseUrl');
      } finally {
        await open.close();
      }
    });

    it('400 says what to do when secrets cannot be kept', async () => {
      const url = { databaseUrl: app.db.url, encryptionKey: undefined };
      const keyless = await TestApp.start(app.db.url, url);
      try {
        const answer = await ask('POST', '', { name: 'x', kind: 'openai', apiKey: KEY }, tenant.key, keyless);
        expectRefused(answer, 'apiKey');
        expect(answer.body.error.message).toMatch(/ENCRYPTION_KEY/);
      } finally {
        await keyless.close();
      }
    });

    it('403 without the scope', () => expectScope('POST', '', { name: 'x', kind: 'openai' }));
  });

  describe('GET /v1/providers', () => {
    it("200 lists the organization's, newest first, and nobody else's", async () => {
      const owner = await app.tenant();
      const [first, second] = [await create({}, owner.key), await create({}, owner.key)];
      const { status, body, text } = await ask('GET', '?limit=5', undefined, owner.key);
      expect(status).toBe(200);
      expect(body.data).toEqual([second, first]);
      expect(body.pagination).toEqual({ page: 1, limit: 5, total: 2, totalPages: 1 });
      expect(text).not.toContain('secret');
    });

    it('403 without the scope', () => expectScope('GET', ''));
  });

  describe('GET /v1/providers/{id}', () => {
    it("404 is the same for another organization's, none at all and an id of any shape", async () => {
      const { id } = await create();
      expectNotFound(await ask('GET', `/${id}`, undefined, stranger.key));
      for (const path of [randomUUID(), 'x', '%00']) expectNotFound(await ask('GET', `/${path}`));
    });

    it('403 without the scope', () => expectScope('GET', `/${randomUUID()}`));
  });

  describe('PATCH /v1/providers/{id}', () => {
    it('200 changes what is given and keeps the key', async () => {
      const account = await create();
      const { status, body } = await ask('PATCH', `/${account.id}`, { name: 'Theirs', kind: null });
      expect(status).toBe(200);
      expect(body.data).toEqual({ ...account, name: 'Theirs', updatedAt: TIME });
      expect(await get(account.id)).toEqual(body.data);
      expect(await keyOf(account.id)).toBe(KEY);
    });

    it('200 changes the key, and empties it with null', async () => {
      const { id } = await create();
      const longer = `${KEY}-longer`;
      expect((await ask('PATCH', `/${id}`, { apiKey: longer })).body.data).toMatchObject({ apiKeyEnding: 'nger' });
      expect(await keyOf(id)).toBe(longer);
      const nothing = { hasApiKey: false, apiKeyEnding: null };
      expect((await ask('PATCH', `/${id}`, { apiKey: null })).body.data).toMatchObject(nothing);
      expect(await keyOf(id)).toBeUndefined();
    });

    it('200 takes another path of the same server, and another server together with a key', async () => {
      const { id } = await create({ baseUrl: 'https://api.example.com/v1' });
      expect((await ask('PATCH', `/${id}`, { baseUrl: 'https://api.example.com/v2' })).status).toBe(200);
      const elsewhere = { baseUrl: 'https://other.example.com/v1', apiKey: KEY };
      expect((await ask('PATCH', `/${id}`, elsewhere)).body.data.baseUrl).toBe(elsewhere.baseUrl);
    });

    it.each([
      [{ baseUrl: 'https://other.example.com/v1' }],
      [{ baseUrl: 'http://api.example.com/v1' }],
      [{ baseUrl: null }],
    ])('400 for another server without the key, which stays where it was: %j', async (fields) => {
      const account = await create({ baseUrl: 'https://api.example.com/v1' });
      expectRefused(await ask('PATCH', `/${account.id}`, fields), 'apiKey');
      expect(await get(account.id)).toEqual(account);
    });

    it('400 for another kind without the key', async () => {
      const { id } = await create();
      expectRefused(await ask('PATCH', `/${id}`, { kind: 'deepgram' }), 'apiKey');
      expect((await ask('PATCH', `/${id}`, { kind: 'deepgram', apiKey: null })).status).toBe(200);
    });

    it('400 names the field and changes nothing', async () => {
      const account = await create();
      expectRefused(await ask('PATCH', `/${account.id}`, { name: 'New', baseUrl: 'x' }), 'baseUrl');
      expectRefused(await ask('PATCH', `/${account.id}`, { baseUrl: 'http://127.0.0.1', apiKey: KEY }), 'baseUrl');
      expect(await get(account.id)).toEqual(account);
    });

    it("404 is the same for another organization's, which is left alone, and none at all", async () => {
      const account = await create();
      expectNotFound(await ask('PATCH', `/${account.id}`, { name: 'Mine' }, stranger.key));
      for (const path of [randomUUID(), 'x']) expectNotFound(await ask('PATCH', `/${path}`, { name: 'Mine' }));
      expect(await get(account.id)).toEqual(account);
    });

    it('403 without the scope', () => expectScope('PATCH', `/${randomUUID()}`, {}));
  });

  describe('DELETE /v1/providers/{id}', () => {
    it('200 has it as it was, and it is gone', async () => {
      const account = await create();
      const { status, body } = await ask('DELETE', `/${account.id}`);
      expect([status, body.data]).toEqual([200, account]);
      expectNotFound(await ask('GET', `/${account.id}`));
      expectNotFound(await ask('DELETE', `/${account.id}`));
    });

    it('409 while active agents name it, and names them', async () => {
      const { id } = await create();
      const main = await addAgent({ model: { providerId: id } }, 'Main');
      const other = await addAgent({ speech: { fallback: { providerId: id } } }, 'Other');
      const { status, body } = await ask('DELETE', `/${id}`);
      expect([status, body.error.code]).toEqual([409, 'conflict']);
      expect(body.error.message).toBe(
        'Active agents name this provider: Main, Other. Have them name another, or none, first',
      );
      const named = [main, other].map((agent) => ({ id: agent.id, agentName: agent.agentName }));
      expect(body.error.details).toEqual({ agents: named });
      expect((await get(id)).id).toBe(id);
    });

    it('200 once the agents are deactivated or name it no more; then they do not come back with it', async () => {
      const { id } = await create();
      const [one, two] = [await addAgent({ model: { providerId: id } }), await addAgent({ model: { providerId: id } })];
      await app.request('DELETE', `/v1/agents/${one.id}`, { key: tenant.key });
      await askAgents('PATCH', `/${two.id}`, { providers: null });
      expect((await ask('DELETE', `/${id}`)).status).toBe(200);
      expectRefused(await askAgents('PATCH', `/${one.id}`, { isActive: true }), 'providers.model.providerId');
      expect((await askAgents('PATCH', `/${one.id}`, { prompt: 'New' })).status).toBe(200);
      expect((await askAgents('PATCH', `/${one.id}`, { isActive: true, providers: null })).status).toBe(200);
    });

    it('409 or 400, never a missing account, when an agent begins to name it meanwhile', async () => {
      for (let n = 0; n < 10; n++) {
        const { id } = await create();
        const [removed, made] = await Promise.all([
          ask('DELETE', `/${id}`),
          askAgents('POST', '', { agentName: 'x', providers: { model: { providerId: id } } }),
        ]);
        expect([
          [200, 400],
          [409, 201],
        ]).toContainEqual([removed.status, made.status]);
      }
    });

    it("404 for another organization's, which stays", async () => {
      const account = await create();
      expectNotFound(await ask('DELETE', `/${account.id}`, undefined, stranger.key));
      expect(await get(account.id)).toEqual(account);
    });

    it('403 without the scope', () => expectScope('DELETE', `/${randomUUID()}`));
  });

  describe('an agent that names one', () => {
    it.each([
      ['of another organization', async () => (await create({}, stranger.key)).id],
      ['that is not there', () => Promise.resolve(randomUUID())],
      ['of any shape', () => Promise.resolve('openai')],
    ])('400 for one %s, the same for all', async (_, make) => {
      const providers = { model: { providerId: await make() } };
      const agent = await addAgent({});
      for (const answer of [
        await askAgents('POST', '', { agentName: 'x', providers }),
        await askAgents('PATCH', `/${agent.id}`, { providers }),
      ]) {
        expectRefused(answer, 'providers.model.providerId');
        const message = 'providers.model.providerId names no provider of this organization: see GET /v1/providers';
        expect(answer.body.error.message).toBe(message);
      }
      expect((await agents().get(tenant.organizationId, agent.id)).version).toBe(1);
    });

    it('400 names each place', async () => {
      const choice = { providerId: randomUUID() };
      const providers = { speechToSpeech: choice, transcription: { ...choice, fallback: choice } };
      const paths = ['speechToSpeech', 'transcription', 'transcription.fallback'];
      const answer = await askAgents('POST', '', { agentName: 'x', providers });
      expectRefused(answer, ...paths.map((path) => `providers.${path}.providerId`));
    });

    it('201 for the one of its organization', async () => {
      const providers = { model: { providerId: (await create()).id, model: 'm' } };
      expect((await addAgent(providers)).providers).toEqual(providers);
    });
  });

  describe('for calls', () => {
    it('has the opened key, and leaves out what is not there', async () => {
      const full = await create({ baseUrl: 'https://api.example.com/v1' });
      const bare = await create({ kind: 'deepgram', apiKey: null });
      const foreign = await create({}, stranger.key);
      const ids = [full.id, bare.id, foreign.id, randomUUID(), 'x'];
      const found = await accounts().accountsFor(tenant.organizationId, ids);
      expect([...found]).toHaveLength(2);
      expect(found.get(full.id)).toEqual({ kind: 'openai', baseUrl: 'https://api.example.com/v1', apiKey: KEY });
      expect(found.get(bare.id)).toEqual({ kind: 'deepgram' });
    });

    it('names the account whose key cannot be read', async () => {
      const { id } = await create();
      const other = await TestApp.start(app.db.url, { encryptionKey: randomBytes(32) });
      try {
        const read = other.nest
          .get(ProviderAccountsService, { strict: false })
          .accountsFor(tenant.organizationId, [id]);
        await expect(read).rejects.toThrow(`The API key of the provider Ours (${id}) cannot be read: ENCRYPTION_KEY`);
      } finally {
        await other.close();
      }
    });
  });
});
