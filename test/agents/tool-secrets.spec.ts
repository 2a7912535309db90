import { randomBytes } from 'node:crypto';
import { AgentsService } from '../../src/agents/agents.service.js';
import { type HttpTool, SECRET_SHOWN } from '../../src/agents/agent-tools.js';
import { openSecrets } from '../../src/agents/agent-secrets.js';
import { SecretBox, SecretBoxError } from '../../src/lib/platform/secret-box.js';
import { type Answer, TestApp, type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';

const SECRET = 'Bearer hunter2-hunter2';
const encryptionKey = randomBytes(32);

describe('secrets of tools', () => {
  const app = useApp({ encryptionKey });
  let tenant: Tenant;
  let stranger: Tenant;

  beforeAll(async () => {
    [tenant, stranger] = [await app.tenant(), await app.tenant()];
  });

  const ask = (method: string, path = '', body?: unknown, on: TestApp = app) =>
    on.request(method, `/v1/agents${path}`, { key: tenant.key, ...(body === undefined ? {} : { body }) });
  const tool = (fields: object = {}) => ({
    type: 'http',
    name: 'find_order',
    description: 'Finds an order',
    url: 'https://shop.example.com/orders',
    headers: { Accept: 'application/json' },
    secretHeaders: { Authorization: SECRET },
    ...fields,
  });
  const shown = (fields: object = {}) => tool({ secretHeaders: { Authorization: SECRET_SHOWN }, ...fields });
  const create = async (...tools: object[]) =>
    (await ask('POST', '', { agentName: 'x', tools: tools.length ? tools : [tool()] })).body.data;
  const change = (id: string, ...tools: object[]) => ask('PATCH', `/${id}`, { tools });
  const agents = () => app.nest.get(AgentsService, { strict: false });
  const box = (key = encryptionKey) =>
    new SecretBox({ encryptionKey: key, databaseUrl: app.db.url, dataDir: '/nowhere' });
  const toolOf = async (id: string, n = 0, version?: number) =>
    (await agents().forCalls(tenant.organizationId, id, version)).tools?.[n] as HttpTool;
  /** What a call would send. */
  const headersOf = async (id: string, n = 0, version?: number) =>
    openSecrets(await toolOf(id, n, version), box(), id).headers;
  const expectRefused = ({ status, body }: Answer, ...fields: string[]) => {
    expect([status, body.error?.code]).toEqual([400, 'validation_error']);
    expect(Object.keys(body.error.details)).toEqual(fields);
  };

  it('are in no answer', async () => {
    const answer = await ask('POST', '', { agentName: 'x', tools: [tool()] });
    const { id } = answer.body.data;
    const others = [
      await change(id, shown({ description: 'New' })),
      await ask('GET', `/${id}`),
      await ask('GET', `/${id}/versions`),
      await ask('GET', `/${id}/versions/1`),
      await ask('DELETE', `/${id}`),
    ];
    for (const { text } of [answer, ...others]) expect(text).not.toMatch(/hunter2|v1\./);
    expect(answer.body.data.tools).toEqual([shown()]);
    expect(others[3]?.body.data.configuration.tools).toEqual([shown()]);
  });

  it('are stored encrypted, in agents and in their versions', async () => {
    const { id } = await create();
    const rows = await app.db.database.query<{ row: string }>(
      `select a::text as row from agents a where id = $1
       union all select v::text from agent_versions v where agent_id = $1`,
      [id],
    );
    expect(rows).toHaveLength(2);
    for (const { row } of rows) {
      expect(row).not.toContain('hunter2');
      expect(row).toContain('find_order');
    }
  });

  it('are opened for calls, together with the other headers', async () => {
    const { id } = await create();
    expect(JSON.stringify(await toolOf(id))).not.toContain('hunter2');
    const opened = openSecrets(await toolOf(id), box(), id);
    const { secretHeaders: _, ...rest } = tool();
    expect(opened).toEqual({ ...rest, headers: { Accept: 'application/json', Authorization: SECRET } });
  });

  it('that cannot be opened name the tool', async () => {
    const { id } = await create();
    const sealed = await toolOf(id);
    expect(() => openSecrets(sealed, box(randomBytes(32)), id)).toThrow(SecretBoxError);
    expect(() => openSecrets(sealed, box(), tenant.agentId)).toThrow(
      /^The secrets of the tool find_order cannot be read/,
    );
  });

  describe('in a change', () => {
    it('200 keeps those that are sent back as they were shown', async () => {
      const { id } = await create();
      const { status } = await change(id, { type: 'end_call' }, shown({ description: 'New', timeoutMs: 500 }));
      expect(status).toBe(200);
      expect(await headersOf(id, 1)).toMatchObject({ Authorization: SECRET });
    });

    it('200 keeps them whatever the case of the header, and the path of the url', async () => {
      const { id } = await create();
      const url = 'https://shop.example.com/v2/orders?x=1';
      expect((await change(id, shown({ url, secretHeaders: { authorization: SECRET_SHOWN } }))).status).toBe(200);
      expect(await headersOf(id)).toMatchObject({ authorization: SECRET });
    });

    it('200 replaces those that are given, and each version has its own', async () => {
      const { id } = await create();
      await change(id, tool({ secretHeaders: { Authorization: 'new', 'X-Key': 'key' } }));
      expect(await headersOf(id)).toMatchObject({ Authorization: 'new', 'X-Key': 'key' });
      expect(await headersOf(id, 0, 1)).toMatchObject({ Authorization: SECRET });
    });

    it('200 changes nothing when they are as they were', async () => {
      const agent = await create();
      for (const same of [tool(), shown()]) {
        const { status, body } = await change(agent.id, same);
        expect([status, body.data]).toEqual([200, agent]);
      }
    });

    it('200 takes new ones when the key that the old ones were sealed with is gone', async () => {
      const { id } = await create();
      const other = await TestApp.start(app.db.url, { encryptionKey: randomBytes(32) });
      try {
        expect((await ask('PATCH', `/${id}`, { tools: [tool()] }, other)).body.data.version).toBe(2);
      } finally {
        await other.close();
      }
    });

    it.each([
      ['there is no tool of that name', shown({ name: 'other' })],
      ['the tool has no such header', shown({ secretHeaders: { Authorization: SECRET_SHOWN, 'X-Key': SECRET_SHOWN } })],
    ])('400 when %s', async (_, wrong) => {
      const agent = await create();
      const answer = await change(agent.id, { type: 'end_call' }, wrong);
      const header = 'X-Key' in wrong.secretHeaders ? 'X-Key' : 'Authorization';
      expectRefused(answer, `tools[1].secretHeaders.${header}`);
      expect((await ask('GET', `/${agent.id}`)).body.data).toEqual(agent);
    });

    it.each(['https://evil.example.com/orders', 'http://shop.example.com/orders', 'https://shop.example.com:8443/'])(
      '400 when they would be sent to another server: %s',
      async (url) => {
        const { id } = await create();
        const answer = await change(id, shown({ url }));
        expectRefused(answer, 'tools[0].secretHeaders.Authorization');
        expect(answer.body.error.message).toMatch(/must be given again/);
      },
    );
  });

  it('400 when a new agent is to keep what it never had', async () => {
    const answer = await ask('POST', '', { agentName: 'x', tools: [shown()] });
    expectRefused(answer, 'tools[0].secretHeaders.Authorization');
  });

  it("404 in a change of another organization's agent, which says nothing of them", async () => {
    const { id } = await create();
    const answer = await app.request('PATCH', `/v1/agents/${id}`, { key: stranger.key, body: { tools: [shown()] } });
    expect([answer.status, answer.body.error.message]).toEqual([404, 'Agent not found']);
  });

  it('400 says what to do when secrets cannot be kept', async () => {
    const keyless = await TestApp.start(app.db.url, { databaseUrl: app.db.url, encryptionKey: undefined });
    try {
      const answer = await ask('POST', '', { agentName: 'x', tools: [tool()] }, keyless);
      expectRefused(answer, 'tools[0].secretHeaders.Authorization');
      expect(answer.body.error.message).toMatch(/cannot be stored: ENCRYPTION_KEY is not set/);
    } finally {
      await keyless.close();
    }
  });
});
