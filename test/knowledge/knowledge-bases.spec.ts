import { randomUUID } from 'node:crypto';
import { KnowledgeBasesService } from '../../src/knowledge/knowledge-bases.service.js';
import { KnowledgeApp } from './knowledge-app.js';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe('knowledge bases', () => {
  let api: KnowledgeApp;

  beforeAll(async () => {
    api = await KnowledgeApp.start();
  });

  afterAll(() => api.close());

  const ask: KnowledgeApp['ask'] = (...args) => api.ask(...args);
  const get = async (id: string) => (await ask('GET', `/${id}`)).body.data;
  /** Has an agent name knowledge bases. */
  const use = (agentId: string, ids: string[], isActive = true) =>
    api.db.database.query('update agents set knowledge_base_ids = $2, is_active = $3 where id = $1', [
      agentId,
      ids,
      isActive,
    ]);

  describe('POST /v1/knowledge-bases', () => {
    it('201 has the base as it was given', async () => {
      const given = { name: 'House rules', description: 'Opening hours and prices', language: 'de-CH' };
      const { status, body } = await ask('POST', '', given);
      expect(status).toBe(201);
      expect(body).toEqual({
        data: { id: expect.any(String), ...given, documentCount: 0, createdAt: TIME, updatedAt: TIME },
        requestId: expect.stringMatching(/^req-/),
      });
      expect(await get(body.data.id)).toEqual(body.data);
    });

    it('201 needs a name only', async () => {
      for (const more of [{}, { description: null, language: null }])
        expect((await ask('POST', '', { name: 'x', ...more })).body.data).toMatchObject({
          description: null,
          language: 'en',
        });
    });

    it('201 takes a language that the search does not know, and writes it as others do', async () => {
      expect((await ask('POST', '', { name: 'x', language: 'ZH-hant' })).body.data).toMatchObject({
        language: 'zh-Hant',
      });
    });

    it.each([
      ['name', undefined],
      ['name', ''],
      ['name', 'x'.repeat(201)],
      ['description', 'x'.repeat(1_001)],
      ['description', 1],
      ['language', 'english language'],
      ['language', 'de_CH'],
      ['language', 'x'.repeat(36)],
    ])('400 names the field that is wrong: %s', async (name, value) => {
      api.expectRefused(await ask('POST', '', { name: 'x', [name]: value }), name);
    });

    it('403 without the scope', () => api.expectScope('agents:write', (key) => ask('POST', '', { name: 'x' }, key)));
  });

  describe('GET /v1/knowledge-bases', () => {
    it("200 lists the organization's own, newest first", async () => {
      const { key } = await api.app.tenant();
      const ids = [await api.base({}, key), await api.base({}, key), await api.base({}, key)];
      await api.upload(ids[0] ?? '', 'Text.', { key });
      const { status, body } = await ask('GET', '?limit=2', undefined, key);
      expect([status, body.pagination]).toEqual([200, { page: 1, limit: 2, total: 3, totalPages: 2 }]);
      const rest = (await ask('GET', '?limit=2&page=2', undefined, key)).body.data;
      expect([...body.data, ...rest].map(({ id }: { id: string }) => id)).toEqual(ids.reverse());
      expect(rest[0].documentCount).toBe(1);
    });

    it('400 for a page that cannot be', async () => {
      api.expectRefused(await ask('GET', '?limit=101'), 'limit');
    });

    it('403 without the scope', () => api.expectScope('agents:read', (key) => ask('GET', '', undefined, key)));
  });

  describe('GET /v1/knowledge-bases/{id}', () => {
    it('200 counts its documents', async () => {
      const id = await api.base();
      await api.upload(id, 'One.');
      await api.upload(id, 'Two.');
      expect(await get(id)).toMatchObject({ documentCount: 2 });
    });

    it("404 is the same for another organization's and none at all", async () => {
      api.expectNotFound(await ask('GET', `/${await api.base()}`, undefined, api.stranger.key));
      for (const id of [randomUUID(), 'x', "'%20or%201=1"]) api.expectNotFound(await ask('GET', `/${id}`));
    });

    it('403 without the scope', async () => {
      const id = await api.base();
      await api.expectScope('agents:read', (key) => ask('GET', `/${id}`, undefined, key));
    });
  });

  describe('PATCH /v1/knowledge-bases/{id}', () => {
    it('200 changes what is given, and nothing else', async () => {
      const id = await api.base({ description: 'All', language: 'fr' });
      expect((await ask('PATCH', `/${id}`, { name: 'Other' })).body.data).toMatchObject({
        name: 'Other',
        description: 'All',
        language: 'fr',
      });
      const { status, body } = await ask('PATCH', `/${id}`, { name: null, description: null, language: null });
      expect([status, body.data]).toEqual([200, expect.objectContaining({ name: 'Other', language: 'fr' })]);
      expect(body.data.description).toBeNull();
    });

    it('200 with another language makes its documents searchable anew', async () => {
      const id = await api.base();
      await api.upload(id, '# Anfahrt\nDie Häuser liegen am See.', { name: 'Lage' });
      expect((await api.search(id, 'Haus')).body.data).toEqual([]);
      expect((await ask('PATCH', `/${id}`, { language: 'de' })).body.data.language).toBe('de');
      const [found] = (await api.search(id, 'Haus')).body.data;
      expect(found).toMatchObject({ document: 'Lage', heading: 'Anfahrt' });
    });

    it('200 for two changes at once, of which none is lost', async () => {
      const id = await api.base();
      const changes = [{ name: 'Other' }, { description: 'All' }, { language: 'it' }];
      await Promise.all(changes.map((change) => ask('PATCH', `/${id}`, change)));
      expect(await get(id)).toMatchObject(Object.assign({}, ...changes));
    });

    it('400 names the field that is wrong', async () => {
      const id = await api.base();
      api.expectRefused(await ask('PATCH', `/${id}`, { language: '?' }), 'language');
      api.expectRefused(await ask('PATCH', `/${id}`, { name: '' }), 'name');
    });

    it("404 is the same for another organization's, which stays as it is, and none at all", async () => {
      const id = await api.base();
      api.expectNotFound(await ask('PATCH', `/${id}`, { name: 'Mine' }, api.stranger.key));
      for (const none of [randomUUID(), 'x']) api.expectNotFound(await ask('PATCH', `/${none}`, { name: 'Mine' }));
      expect(await get(id)).toMatchObject({ name: 'Museum' });
    });

    it('403 without the scope', async () => {
      const id = await api.base();
      await api.expectScope('agents:write', (key) => ask('PATCH', `/${id}`, {}, key));
    });
  });

  describe('DELETE /v1/knowledge-bases/{id}', () => {
    it('200 has the base as it was; with it go its documents', async () => {
      const id = await api.base();
      await api.upload(id, 'Text.');
      const before = await get(id);
      const { status, body } = await ask('DELETE', `/${id}`);
      expect([status, body.data]).toEqual([200, before]);
      api.expectNotFound(await ask('GET', `/${id}`));
      api.expectNotFound(await ask('DELETE', `/${id}`));
      for (const table of ['knowledge_documents', 'knowledge_chunks'])
        expect(await api.db.database.query(`select 1 from ${table} where knowledge_base_id = $1`, [id])).toEqual([]);
    });

    it('409 while active agents use it, and names them', async () => {
      const { key, agentId } = await api.app.tenant();
      const id = await api.base({}, key);
      await use(agentId, [randomUUID(), id]);
      const { status, body } = await ask('DELETE', `/${id}`, undefined, key);
      expect(status).toBe(409);
      expect(body.error).toEqual({
        code: 'conflict',
        message: 'Agents use this knowledge base: Test agent. Take it from their knowledgeBaseIds first',
        details: { agents: [{ id: agentId, agentName: 'Test agent' }] },
      });
      await use(agentId, [id], false);
      expect((await ask('DELETE', `/${id}`, undefined, key)).status).toBe(200);
    });

    it("200 although another organization's agent names it", async () => {
      const id = await api.base();
      await use(api.stranger.agentId, [id]);
      expect((await ask('DELETE', `/${id}`)).status).toBe(200);
    });

    it("404 is the same for another organization's, which stays, and none at all", async () => {
      const id = await api.base();
      api.expectNotFound(await ask('DELETE', `/${id}`, undefined, api.stranger.key));
      for (const none of [randomUUID(), 'x']) api.expectNotFound(await ask('DELETE', `/${none}`));
      expect(await get(id)).toMatchObject({ id });
    });

    it('403 without the scope', async () => {
      const id = await api.base();
      await api.expectScope('agents:write', (key) => ask('DELETE', `/${id}`, undefined, key));
    });
  });

  it('existing() names those of some ids that the organization has, as they were asked for', async () => {
    const [mine, other] = [await api.base(), await api.base({}, api.stranger.key)];
    const existing = (ids: string[]) =>
      api.app.nest.get(KnowledgeBasesService, { strict: false }).existing(api.tenant.organizationId, ids);
    expect(await existing([])).toEqual([]);
    expect(await existing([randomUUID(), mine.toUpperCase(), other, 'x'])).toEqual([mine.toUpperCase()]);
  });
});
