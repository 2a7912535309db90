import { randomUUID } from 'node:crypto';
import { AgentsService } from '../../src/agents/agents.service.js';
import { DemoData } from '../../src/app/demo-data.js';
import { type Answer, type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';
import { pcmBytes, tone, wavFile } from '../support/wav.js';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe("an agent's versions", () => {
  const app = useApp();
  let tenant: Tenant;
  let stranger: Tenant;

  beforeAll(async () => {
    [tenant, stranger] = [await app.tenant(), await app.tenant()];
  });

  const ask = (method: string, path = '', body?: unknown, key = tenant.key) =>
    app.request(method, `/v1/agents${path}`, { key, ...(body === undefined ? {} : { body }) });
  const create = async (fields: object = {}) =>
    (await ask('POST', '', { agentName: 'Follow-up', ...fields })).body.data;
  const change = async (id: string, fields: object) => (await ask('PATCH', `/${id}`, fields)).body.data;
  const versions = async (id: string): Promise<number[]> =>
    (await ask('GET', `/${id}/versions`)).body.data.map(({ version }: any) => version as number);
  const version = async (id: string, n: number) => (await ask('GET', `/${id}/versions/${n}`)).body.data.configuration;
  const agents = () => app.nest.get(AgentsService, { strict: false });
  const upload = (id: string, samples: number[]) =>
    agents().setGreetingAudio(tenant.organizationId, id, wavFile(pcmBytes(samples)));
  const expectNotFound = ({ status, body }: Answer, thing = 'Agent') => {
    expect(status).toBe(404);
    expect(body.error).toEqual({ code: 'not_found', message: `${thing} not found`, details: null });
  };
  const expectScope = async (path: string) => {
    const key = await app.key(tenant.organizationId, { scopes: ['agents:write'] });
    const { status, body } = await ask('GET', path, undefined, key);
    expect([status, body.error.message]).toEqual([403, 'API key does not have the required scope: agents:read']);
  };

  describe('are made', () => {
    it('with the agent', async () => {
      const agent = await create({ prompt: 'Be brief.' });
      expect(agent.version).toBe(1);
      const { prompt, agentName } = await version(agent.id, 1);
      expect([prompt, agentName]).toEqual(['Be brief.', 'Follow-up']);
    });

    it('with each change, and those before stay as they were', async () => {
      const { id } = await create({ prompt: 'One' });
      expect((await change(id, { prompt: 'Two' })).version).toBe(2);
      expect((await change(id, { prompt: null, temperature: 1 })).version).toBe(3);
      const prompts = [await version(id, 1), await version(id, 2), await version(id, 3)].map(({ prompt }) => prompt);
      expect(prompts).toEqual(['One', 'Two', null]);
    });

    it.each([
      ['nothing is given', {}],
      ['what is given is so already', { prompt: 'One', tools: [{ type: 'end_call' }], knowledgeBaseIds: null }],
      ['null leaves alone what may not be empty', { agentName: null, firstSpeaker: null }],
    ])('not when %s', async (_, fields) => {
      const agent = await create({ prompt: 'One', tools: [{ type: 'end_call' }] });
      expect(await change(agent.id, fields)).toEqual(agent);
      expect(await versions(agent.id)).toEqual([1]);
    });

    it('not when it is deactivated and brought back', async () => {
      const { id } = await create();
      expect((await ask('DELETE', `/${id}`)).body.data).toMatchObject({ isActive: false, version: 1 });
      expect(await change(id, { isActive: true })).toMatchObject({ isActive: true, version: 1 });
      expect(await versions(id)).toEqual([1]);
    });

    it('not when a change is refused', async () => {
      const { id } = await create();
      expect((await ask('PATCH', `/${id}`, { prompt: 'New', tools: [{ type: 'sing' }] })).status).toBe(400);
      expect(await versions(id)).toEqual([1]);
    });

    it('when only the order of a schema changes, for models read it in that order', async () => {
      const property = { type: 'string' };
      const { id } = await create({ analysisSchema: { type: 'object', properties: { a: property, b: property } } });
      const turned = { type: 'object', properties: { b: property, a: property } };
      await change(id, { analysisSchema: turned });
      expect(JSON.stringify((await version(id, 2)).analysisSchema)).toBe(JSON.stringify(turned));
    });

    it('of changes at the same time, one after the other: none is lost', async () => {
      for (let n = 0; n < 5; n++) {
        const { id } = await create();
        const fields = [{ prompt: 'New' }, { firstMessage: 'Hello' }, { model: 'm' }, { temperature: 0 }];
        const answers = await Promise.all(fields.map((each) => ask('PATCH', `/${id}`, each)));
        expect(answers.map(({ body }) => body.data.version).sort()).toEqual([2, 3, 4, 5]);
        const merged = Object.assign({}, ...fields) as object;
        expect((await ask('GET', `/${id}`)).body.data).toMatchObject({ ...merged, version: 5 });
        expect(await version(id, 5)).toMatchObject(merged);
        expect(await versions(id)).toEqual([5, 4, 3, 2, 1]);
      }
    });

    it('once, of the same change made twice at the same time', async () => {
      const { id } = await create();
      await Promise.all([change(id, { prompt: 'New' }), change(id, { prompt: 'New' })]);
      expect(await versions(id)).toEqual([2, 1]);
    });

    it('of an agent that the release before this one made, before it is changed', async () => {
      const { id } = await create({ prompt: 'One' });
      await app.db.database.query('delete from agent_versions where agent_id = $1', [id]);
      await change(id, { prompt: 'Two' });
      expect([await versions(id), (await version(id, 1)).prompt]).toEqual([[2, 1], 'One']);
    });

    it('with the agent of the demonstration', async () => {
      await app.db.database.query('truncate organizations cascade');
      const { agentId, testKey } = (await app.nest.get(DemoData).createOnce()) ?? { agentId: '', testKey: '' };
      expect((await ask('GET', `/${agentId}/versions`, undefined, testKey)).body.data).toHaveLength(1);
      [tenant, stranger] = [await app.tenant(), await app.tenant()];
    });
  });

  describe('have greeting audio', () => {
    const hello = tone(440, 8_000, 0.1);
    const other = tone(880, 8_000, 0.1);

    it('each their own, and calls hear that of their version', async () => {
      const { id } = await create({ firstMessage: 'Hello' });
      await upload(id, hello);
      await upload(id, other);
      await ask('DELETE', `/${id}/greeting-audio`);
      const greetings = [1, 2, 3, 4].map((n) => agents().forCalls(tenant.organizationId, id, n));
      expect((await Promise.all(greetings)).map(({ greetingAudio }) => greetingAudio)).toEqual([
        undefined,
        Int16Array.from(hello),
        Int16Array.from(other),
        undefined,
      ]);
      const hashes = (await Promise.all([1, 2, 3, 4].map((n) => version(id, n)))).map(
        (each) => each.greetingAudioSha256,
      );
      const hash = expect.stringMatching(/^[0-9a-f]{64}$/);
      expect(hashes).toEqual([null, hash, hash, null]);
      expect(hashes[1]).not.toBe(hashes[2]);
    });

    it('and the same audio again makes none', async () => {
      const { id } = await create();
      await upload(id, hello);
      await upload(id, hello);
      expect(await versions(id)).toEqual([2, 1]);
    });

    it('which other changes leave alone', async () => {
      const { id } = await create();
      await upload(id, hello);
      await change(id, { prompt: 'New' });
      expect((await agents().forCalls(tenant.organizationId, id)).greetingAudio).toEqual(Int16Array.from(hello));
    });
  });

  describe('for calls', () => {
    it('are the current one unless another is asked for', async () => {
      const { id } = await create({ prompt: 'One', silence: { afterSeconds: 5 } });
      await change(id, { prompt: 'Two', silence: null });
      const { organizationId } = tenant;
      const two = { agentId: id, version: 2, prompt: 'Two', silence: null };
      expect(await agents().forCalls(organizationId, id)).toMatchObject(two);
      expect(await agents().forCalls(organizationId, id, 2)).toMatchObject(two);
      const one = { agentId: id, version: 1, prompt: 'One', silence: { afterSeconds: 5 } };
      expect(await agents().forCalls(organizationId, id, 1)).toMatchObject(one);
      expect(Object.keys(await agents().forCalls(organizationId, id, 1)).sort()).toEqual(
        Object.keys(await agents().forCalls(organizationId, id, 2)).sort(),
      );
    });

    it('are not found in another organization, or when there is none', async () => {
      const { id } = await create();
      await expect(agents().forCalls(stranger.organizationId, id, 1)).rejects.toThrow('Agent not found');
      await expect(agents().forCalls(tenant.organizationId, id, 2)).rejects.toThrow('Agent version not found');
    });

    it('of an older release have what has come since', async () => {
      const { id } = await create({ agentName: 'Old' });
      await change(id, { agentName: 'New' });
      await app.db.database.query(
        `update agent_versions set configuration = '{"agentName":"Old"}' where agent_id = $1`,
        [id],
      );
      const old = await agents().forCalls(tenant.organizationId, id, 1);
      expect(old).toMatchObject({ agentName: 'Old', firstSpeaker: 'agent', knowledgeBaseIds: [], tools: null });
    });
  });

  describe('GET /v1/agents/{id}/versions', () => {
    it('200 lists them newest first, a page at a time', async () => {
      const { id } = await create();
      for (let n = 2; n <= 5; n++) await change(id, { prompt: `Prompt ${n}` });
      const { status, body } = await ask('GET', `/${id}/versions?limit=2&page=2`);
      expect(status).toBe(200);
      expect(body.data).toEqual([
        { version: 3, createdAt: TIME },
        { version: 2, createdAt: TIME },
      ]);
      expect(body.pagination).toEqual({ page: 2, limit: 2, total: 5, totalPages: 3 });
    });

    it('400 for a page that cannot be', async () => {
      const { id } = await create();
      expect((await ask('GET', `/${id}/versions?page=0`)).status).toBe(400);
    });

    it("404 is the same for another organization's agent and none at all", async () => {
      const { id } = await create();
      expectNotFound(await ask('GET', `/${id}/versions`, undefined, stranger.key));
      for (const path of [randomUUID(), 'x']) expectNotFound(await ask('GET', `/${path}/versions`));
    });

    it('403 without the scope', () => expectScope(`/${tenant.agentId}/versions`));
  });

  describe('GET /v1/agents/{id}/versions/{version}', () => {
    it('200 has the whole configuration, with which PATCH makes the agent so again', async () => {
      const base = (await app.request('POST', '/v1/knowledge-bases', { key: tenant.key, body: { name: 'Hours' } })).body
        .data;
      const given = {
        prompt: 'Be brief.',
        tools: [{ type: 'end_call' }],
        silence: { afterSeconds: 5, prompt: 'Hello?' },
        knowledgeBaseIds: [base.id],
      };
      const { id, isActive, createdAt, updatedAt, version: number, ...configuration } = await create(given);
      await change(id, { prompt: null, tools: null, silence: null, knowledgeBaseIds: null, listenSeconds: 1 });
      const { status, body } = await ask('GET', `/${id}/versions/1`);
      expect(status).toBe(200);
      expect(body.data).toEqual({ version: number, createdAt: updatedAt, configuration });
      expect([isActive, createdAt]).toEqual([true, updatedAt]);
      const restored = await change(id, body.data.configuration);
      expect(restored).toMatchObject({ ...configuration, version: 3 });
    });

    it("404 is the same for another organization's agent and none at all", async () => {
      const { id } = await create();
      expectNotFound(await ask('GET', `/${id}/versions/1`, undefined, stranger.key));
      for (const path of [randomUUID(), 'x']) expectNotFound(await ask('GET', `/${path}/versions/1`));
    });

    it.each(['2', '0', '-1', '1.0', '01', '1e0', 'x', '99999999999', '9'.repeat(400), '%00'])(
      '404 for the version %s of an agent that has one',
      async (n) => {
        const { id } = await create();
        expectNotFound(await ask('GET', `/${id}/versions/${n}`), 'Agent version');
      },
    );

    it('403 without the scope', () => expectScope(`/${tenant.agentId}/versions/1`));
  });
});
