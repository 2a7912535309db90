import { randomUUID } from 'node:crypto';
import { type Answer, type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';

const SUMMARY = ['id', 'agentName', 'agentType', 'callDirection', 'voiceId', 'language', 'isActive', 'createdAt'];
/** Of an agent alone, beyond what lists have. */
const DETAILS = [
  ...['prompt', 'firstMessage', 'firstSpeaker', 'model', 'temperature', 'providers', 'endpointing', 'interruption'],
  ...[
    'silence',
    'maxDurationSeconds',
    'durationWarning',
    'apology',
    'tools',
    'knowledgeBaseIds',
    'recordCalls',
    'onMachine',
  ],
  ...['voicemailMessage', 'listenSeconds', 'analysisSchema', 'greetingAudioSha256', 'version', 'updatedAt'],
];
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe('agents', () => {
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
  const knowledgeBase = async ({ key }: Tenant): Promise<string> =>
    (await app.request('POST', '/v1/knowledge-bases', { key, body: { name: 'Opening hours' } })).body.data.id;
  const get = async (id: string) => (await ask('GET', `/${id}`)).body.data;
  const expectNotFound = ({ status, text, body }: Answer) => {
    expect(status).toBe(404);
    const error = '{"code":"not_found","message":"Agent not found","details":null}';
    expect(text).toBe(`{"error":${error},"requestId":"${body.requestId}"}`);
  };
  const expectRefused = ({ status, body }: Answer, ...fields: string[]) => {
    expect(status).toBe(400);
    expect(body.error.code).toBe('validation_error');
    expect(Object.keys(body.error.details)).toEqual(fields);
  };
  const expectScope = async (method: string, path: string, scope: string, body?: unknown) => {
    const other = scope === 'agents:read' ? 'agents:write' : 'agents:read';
    const key = await app.key(tenant.organizationId, { scopes: [other] });
    const answer = await ask(method, path, body, key);
    expect(answer.status).toBe(403);
    expect(answer.body.error).toEqual({
      code: 'insufficient_scope',
      message: `API key does not have the required scope: ${scope}`,
      details: null,
    });
  };

  describe('POST /v1/agents', () => {
    it('201 has the agent as it was given', async () => {
      const given = {
        agentName: 'Follow-up agent',
        agentType: 'SALES',
        callDirection: 'BOTH',
        voiceId: 'en-US-calm',
        language: 'en-US',
        prompt: 'You are a friendly assistant of {{company}}.',
        firstMessage: 'Hello {{customerName}}.',
        recordCalls: false,
        onMachine: 'leave_message',
        voicemailMessage: 'Please call us back, {{customerName}}.',
        listenSeconds: 0,
        analysisSchema: { type: 'object', properties: { name: { type: 'string' } } },
        firstSpeaker: 'customer',
        model: 'gpt-4.1-mini',
        temperature: 0.4,
        providers: { model: { model: 'gpt-4.1', fallback: { model: 'gpt-4.1-mini' } }, speech: { voice: 'alloy' } },
        endpointing: { silenceMs: 700, sensitivity: 0.5 },
        interruption: { enabled: true, afterMs: 300 },
        silence: { afterSeconds: 10, prompt: 'Hello?', times: 2, farewell: 'Goodbye, {{customerName}}.' },
        maxDurationSeconds: 600,
        durationWarning: 'Half a minute left, {{customerName}}.',
        apology: 'Das tut mir leid, {{customerName}}.',
        tools: [{ type: 'end_call' }],
        knowledgeBaseIds: [await knowledgeBase(tenant)],
      };
      const more = { greetingAudioSha256: null, version: 1 };
      const { status, body } = await ask('POST', '', given);
      expect(status).toBe(201);
      expect(body).toEqual({
        data: { ...given, ...more, id: expect.any(String), isActive: true, createdAt: TIME, updatedAt: TIME },
        requestId: expect.stringMatching(/^req-/),
      });
      expect(await get(body.data.id)).toEqual(body.data);
    });

    it('201 needs a name only, and has the defaults of the contract', async () => {
      const { status, body } = await ask('POST', '', { agentName: 'Follow-up' });
      expect(status).toBe(201);
      expect(body.data).toMatchObject({ agentType: 'VOICE', callDirection: 'OUTBOUND', isActive: true });
      expect(body.data).toMatchObject({ voiceId: null, language: null, prompt: null, firstMessage: null });
      const live = { recordCalls: true, onMachine: 'carry_on', voicemailMessage: null, listenSeconds: 30 };
      expect(body.data).toMatchObject(live);
    });

    it('201 takes null for what is optional as absent', async () => {
      const given = { recordCalls: null, onMachine: null, voicemailMessage: null, listenSeconds: null };
      const live = { recordCalls: true, onMachine: 'carry_on', voicemailMessage: null, listenSeconds: 30 };
      expect(await create(given)).toMatchObject(live);
    });

    it.each([
      ['listenSeconds', 0],
      ['listenSeconds', 3_600],
      ['voicemailMessage', 'x'.repeat(2_000)],
      ['onMachine', 'hang_up'],
      ['onMachine', 'carry_on'],
    ])('201 takes all of the range: %s', async (name, value) => {
      expect(await create({ [name]: value })).toMatchObject({ [name]: value });
    });

    it('201 ignores fields that it does not know', async () => {
      const agent = await create({ id: 'mine', isActive: false, organizationId: stranger.organizationId });
      expect(agent).toMatchObject({ id: expect.not.stringMatching('mine'), isActive: true });
      expectNotFound(await ask('GET', `/${agent.id}`, undefined, stranger.key));
    });

    it('400 without a name', async () => {
      for (const body of [{}, { agentName: null }, { agentName: '' }, undefined]) {
        const answer = await ask('POST', '', body);
        expectRefused(answer, 'agentName');
        expect(answer.body.error.message).toBe('agentName is required');
      }
    });

    it.each([
      ['agentName', 1],
      ['agentName', 'x'.repeat(201)],
      ['agentType', ''],
      ['callDirection', 'outbound'],
      ['voiceId', {}],
      ['language', 'x'.repeat(36)],
      ['prompt', 'x'.repeat(50_001)],
      ['firstMessage', ['Hello']],
      ['recordCalls', 'true'],
      ['recordCalls', 1],
      ['onMachine', 'HANG_UP'],
      ['onMachine', true],
      ['voicemailMessage', 'x'.repeat(2_001)],
      ['voicemailMessage', 5],
      ['listenSeconds', -1],
      ['listenSeconds', 3_601],
      ['listenSeconds', 1.5],
      ['listenSeconds', '30'],
    ])('400 names the field that is wrong: %s', async (name, value) => {
      expectRefused(await ask('POST', '', { agentName: 'Follow-up', [name]: value }), name);
    });

    it.each([
      ['firstSpeaker', 'nobody'],
      ['model', ''],
      ['temperature', 2.1],
      ['temperature', '1'],
      ['providers', []],
      ['endpointing', 'fast'],
      ['interruption', true],
      ['silence', 10],
      ['maxDurationSeconds', 0],
      ['maxDurationSeconds', 86_401],
      ['durationWarning', 'x'.repeat(2_001)],
      ['apology', 'x'.repeat(501)],
      ['tools', {}],
      ['knowledgeBaseIds', 'all'],
    ])('400 names the new field that is wrong: %s', async (name, value) => {
      expectRefused(await ask('POST', '', { agentName: 'Follow-up', [name]: value }), name);
    });

    it('400 names what is wrong inside of fields by its path, all of it at once', async () => {
      const answer = await ask('POST', '', {
        agentName: 'Follow-up',
        endpointing: { silenceMs: 50 },
        silence: { promt: 'Hello?' },
        tools: [{ type: 'end_call' }, { type: 'http', name: 'a', description: 'b', url: 'ftp://x' }],
        knowledgeBaseIds: ['mine'],
      });
      expectRefused(answer, 'endpointing.silenceMs', 'silence.promt', 'tools[1].url', 'knowledgeBaseIds[0]');
      expect(answer.body.error.message).toBe('endpointing.silenceMs must be a whole number from 100 to 3000');
    });

    it.each(['http://127.0.0.1/x', 'https://169.254.169.254/latest', 'http://localhost:3000/x', 'https://[::1]/x'])(
      '400 for a tool at a private address: %s',
      async (url) => {
        const { id } = await create();
        const tools = [{ type: 'end_call' }, { type: 'http', name: 'a', description: 'b', url }];
        for (const answer of [
          await ask('POST', '', { agentName: 'Follow-up', tools }),
          await ask('PATCH', `/${id}`, { tools }),
        ]) {
          expectRefused(answer, 'tools[1].url');
          expect(answer.body.error.message).toMatch(
            /^tools\[1\]\.url cannot be used: The host is not a public address/,
          );
        }
      },
    );

    it.each([
      ['prompt', { prompt: '{{#vip}}Dear' }, 'is not a template: Unclosed section "vip" at 12'],
      ['firstMessage', { firstMessage: 'Hello {{name' }, 'is not a template: Unclosed tag at 6'],
      ['voicemailMessage', { voicemailMessage: '{{> x}}' }, 'must not have partials: {{> x}}'],
      ['durationWarning', { durationWarning: '{{=<% %>=}}' }, 'must not change the delimiters'],
      ['apology', { apology: '{{#a}}' }, 'is not a template: Unclosed section "a" at 6'],
      ['silence.prompt', { silence: { prompt: '{{/a}}' } }, 'is not a template: Unopened section "a" at 0'],
      ['silence.farewell', { silence: { farewell: '{{a' } }, 'is not a template: Unclosed tag at 0'],
    ])('400 for what is no template: %s', async (path, fields, problem) => {
      const { id } = await create();
      for (const answer of [
        await ask('POST', '', { agentName: 'Follow-up', ...fields }),
        await ask('PATCH', `/${id}`, fields),
      ]) {
        expectRefused(answer, path);
        expect(answer.body.error.message).toBe(`${path} ${problem}`);
      }
    });

    it('201 takes null for what is empty at first', async () => {
      const empty = {
        ...{ model: null, temperature: null, providers: null, endpointing: null, interruption: null, silence: null },
        ...{ maxDurationSeconds: null, durationWarning: null, apology: null, tools: null },
      };
      const agent = await create({ ...empty, firstSpeaker: null, knowledgeBaseIds: null });
      expect(agent).toMatchObject({ ...empty, firstSpeaker: 'agent', knowledgeBaseIds: [] });
    });

    it('403 without the scope', () => expectScope('POST', '', 'agents:write', { agentName: 'x' }));
  });

  describe('GET /v1/agents', () => {
    it('200 lists active agents only, newest first, with the fields of the contract', async () => {
      const owner = await app.tenant();
      const add = async () => (await ask('POST', '', { agentName: 'x' }, owner.key)).body.data.id as string;
      const [first, second, third] = [await add(), await add(), await add()];
      await ask('DELETE', `/${second}`, undefined, owner.key);
      const { status, body } = await ask('GET', '', undefined, owner.key);
      expect(status).toBe(200);
      expect(body.data.map(({ id }: any) => id)).toEqual([third, first, owner.agentId]);
      for (const agent of body.data) expect(Object.keys(agent)).toEqual(SUMMARY);
      expect(body.pagination).toEqual({ page: 1, limit: 20, total: 3, totalPages: 1 });
    });

    it('200 has every agent on exactly one page, and nothing beyond the last', async () => {
      const owner = await app.tenant();
      for (let n = 0; n < 6; n++) await ask('POST', '', { agentName: `Agent ${n}` }, owner.key);
      const pages = await Promise.all([1, 2, 3, 4].map((n) => ask('GET', `?limit=3&page=${n}`, undefined, owner.key)));
      const ids = pages.map(({ body }) => body.data.map(({ id }: any) => id as string));
      expect(ids.map((page) => page.length)).toEqual([3, 3, 1, 0]);
      expect(new Set(ids.flat()).size).toBe(7);
      expect(pages[3]?.body.pagination).toEqual({ page: 4, limit: 3, total: 7, totalPages: 3 });
    });

    it("200 never lists another organization's agents", async () => {
      const { id } = await create();
      const { body } = await ask('GET', '?limit=100', undefined, stranger.key);
      expect(body.data.map((agent: any) => agent.id)).not.toContain(id);
    });

    it.each(['page=0', 'page=x', 'limit=0', 'limit=101', 'limit=1&limit=2'])('400 for ?%s', async (query) => {
      expectRefused(await ask('GET', `?${query}`), query.split('=')[0] ?? '');
    });

    it('200 for a page so far that nothing can be there', async () => {
      expect((await ask('GET', '?page=1000000000&limit=100')).body.data).toEqual([]);
    });

    it('403 without the scope', () => expectScope('GET', '', 'agents:read'));
  });

  describe('GET /v1/agents/{id}', () => {
    it('200 has the agent with its configuration, deactivated ones too', async () => {
      const agent = await create({ prompt: 'Be brief.' });
      await ask('DELETE', `/${agent.id}`);
      const { status, body } = await ask('GET', `/${agent.id}`);
      expect(status).toBe(200);
      expect(body.data).toEqual({ ...agent, isActive: false, updatedAt: TIME });
      expect(Object.keys(body.data)).toEqual([...SUMMARY, ...DETAILS]);
    });

    it("404 is the same for another organization's agent, none at all and an id of any shape", async () => {
      const { id } = await create();
      expectNotFound(await ask('GET', `/${id}`, undefined, stranger.key));
      for (const path of [randomUUID(), 'x', 'clx1234567890', '%00', "'%20or%201=1", 'x'.repeat(2_000)])
        expectNotFound(await ask('GET', `/${path}`));
    });

    it('403 without the scope', () => expectScope('GET', `/${tenant.agentId}`, 'agents:read'));
  });

  describe('PATCH /v1/agents/{id}', () => {
    it('200 changes what is given and leaves the rest', async () => {
      const agent = await create({ voiceId: 'calm', language: 'en-US', prompt: 'Be brief.' });
      const { status, body } = await ask('PATCH', `/${agent.id}`, { agentName: 'New name', prompt: 'Be kind.' });
      expect(status).toBe(200);
      const changed = { agentName: 'New name', prompt: 'Be kind.', version: 2 };
      expect(body.data).toEqual({ ...agent, ...changed, updatedAt: TIME });
      expect(body.data.updatedAt >= agent.updatedAt).toBe(true);
      expect(await get(agent.id)).toEqual(body.data);
    });

    it('200 empties with null what may be empty, and leaves what may not', async () => {
      const agent = await create({ voiceId: 'calm', language: 'en-US', prompt: 'p', firstMessage: 'f' });
      const mayBeEmpty = { voiceId: null, language: null, prompt: null, firstMessage: null };
      const mayNot = { agentName: null, agentType: null, callDirection: null, isActive: null };
      const { status, body } = await ask('PATCH', `/${agent.id}`, { ...mayBeEmpty, ...mayNot });
      expect(status).toBe(200);
      expect(body.data).toEqual({ ...agent, ...mayBeEmpty, version: 2, updatedAt: TIME });
    });

    it.each([
      ['recordCalls', false],
      ['onMachine', 'hang_up'],
      ['voicemailMessage', 'Please call us back.'],
      ['listenSeconds', 0],
    ])('200 changes how live calls go: %s', async (name, value) => {
      const agent = await create({ firstMessage: 'Hello' });
      const { status, body } = await ask('PATCH', `/${agent.id}`, { [name]: value });
      expect(status).toBe(200);
      expect(body.data).toEqual({ ...agent, [name]: value, version: 2, updatedAt: TIME });
      expect(await get(agent.id)).toEqual(body.data);
    });

    it('200 leaves with null what live calls cannot do without, and empties the rest', async () => {
      const live = { recordCalls: false, onMachine: 'leave_message', voicemailMessage: 'm', listenSeconds: 5 };
      const agent = await create(live);
      const nothing = { recordCalls: null, onMachine: null, voicemailMessage: null, listenSeconds: null };
      const { status, body } = await ask('PATCH', `/${agent.id}`, nothing);
      expect(status).toBe(200);
      expect(body.data).toEqual({ ...agent, voicemailMessage: null, version: 2, updatedAt: TIME });
    });

    it('200 empties with null what an agent carries, but for who speaks first', async () => {
      const carried = {
        ...{ model: 'm', temperature: 0, providers: {}, endpointing: {}, interruption: {}, silence: { times: 1 } },
        ...{
          maxDurationSeconds: 5,
          durationWarning: 'w',
          apology: 'a',
          tools: [],
          knowledgeBaseIds: [await knowledgeBase(tenant)],
        },
      };
      const agent = await create({ ...carried, firstSpeaker: 'customer' });
      expect(agent).toMatchObject(carried);
      const nothing = Object.fromEntries(Object.keys(carried).map((name) => [name, null]));
      const { status, body } = await ask('PATCH', `/${agent.id}`, { ...nothing, firstSpeaker: null });
      expect(status).toBe(200);
      expect(body.data).toEqual({ ...agent, ...nothing, knowledgeBaseIds: [], version: 2, updatedAt: TIME });
    });

    it('400 for knowledge bases that do not exist or are not yours', async () => {
      const mine = await knowledgeBase(tenant);
      const theirs = await knowledgeBase(await app.tenant('test'));
      const { id } = await create({ knowledgeBaseIds: [mine] });
      for (const stranger of [theirs, randomUUID()]) {
        const body = { agentName: 'x', knowledgeBaseIds: [mine, stranger] };
        expectRefused(await ask('POST', '', body), 'knowledgeBaseIds[1]');
        expectRefused(await ask('PATCH', `/${id}`, body), 'knowledgeBaseIds[1]');
      }
    });

    it('200 changes nothing when nothing is given', async () => {
      const agent = await create();
      for (const body of [{}, { unknown: 1 }, { id: 'x', organizationId: stranger.organizationId }, undefined]) {
        const answer = await ask('PATCH', `/${agent.id}`, body);
        expect([answer.status, answer.body.data]).toEqual([200, agent]);
      }
    });

    it('200 brings a deactivated agent back', async () => {
      const { id } = await create();
      await ask('DELETE', `/${id}`);
      expect((await ask('PATCH', `/${id}`, { isActive: true })).body.data.isActive).toBe(true);
      expect(await app.createCall({ ...tenant, agentId: id })).toEqual(expect.any(String));
    });

    it.each([
      ['agentName', ''],
      ['agentType', 7],
      ['callDirection', 'SIDEWAYS'],
      ['prompt', {}],
      ['isActive', 'true'],
      ['recordCalls', 'no'],
      ['onMachine', 'leave'],
      ['voicemailMessage', {}],
      ['listenSeconds', 3_601],
    ])('400 names the field and changes nothing: %s = %j', async (name, value) => {
      const agent = await create();
      expectRefused(await ask('PATCH', `/${agent.id}`, { voiceId: 'new', [name]: value }), name);
      expect(await get(agent.id)).toEqual(agent);
    });

    it("404 is the same for another organization's agent, which is left alone, and none at all", async () => {
      const agent = await create();
      expectNotFound(await ask('PATCH', `/${agent.id}`, { agentName: 'Mine' }, stranger.key));
      expectNotFound(await ask('PATCH', `/${agent.id}`, {}, stranger.key));
      for (const path of [randomUUID(), 'x']) expectNotFound(await ask('PATCH', `/${path}`, { agentName: 'Mine' }));
      expect(await get(agent.id)).toEqual(agent);
    });

    it('403 without the scope', () => expectScope('PATCH', `/${tenant.agentId}`, 'agents:write', {}));
  });

  describe('DELETE /v1/agents/{id}', () => {
    it('200 deactivates: no longer listed, starts no calls, its calls keep naming it', async () => {
      const agent = await create();
      const callId = await app.createCall({ ...tenant, agentId: agent.id });
      const { status, body } = await ask('DELETE', `/${agent.id}`);
      expect(status).toBe(200);
      expect(body.data).toEqual({ ...agent, isActive: false, updatedAt: TIME });
      expect((await ask('GET', '?limit=100')).body.data.map(({ id }: any) => id)).not.toContain(agent.id);
      await expect(app.createCall({ ...tenant, agentId: agent.id })).rejects.toThrow('Agent not found');
      const call = await app.request('GET', `/v1/calls/${callId}`, { key: tenant.key });
      expect(call.body.data.agentId).toBe(agent.id);
    });

    it('200 again for an agent that is deactivated already', async () => {
      const { id } = await create();
      await ask('DELETE', `/${id}`);
      const { status, body } = await ask('DELETE', `/${id}`);
      expect([status, body.data.isActive]).toEqual([200, false]);
    });

    it("404 is the same for another organization's agent, which stays active, and none at all", async () => {
      const { id } = await create();
      expectNotFound(await ask('DELETE', `/${id}`, undefined, stranger.key));
      for (const path of [randomUUID(), 'x']) expectNotFound(await ask('DELETE', `/${path}`));
      expect((await get(id)).isActive).toBe(true);
    });

    it('403 without the scope', () => expectScope('DELETE', `/${tenant.agentId}`, 'agents:write'));
  });
});
