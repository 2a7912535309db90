import { randomBytes, randomUUID } from 'node:crypto';
import { type Answer } from '../support/app.js';
import { KnowledgeApp } from './knowledge-app.js';
import { encryptedPdf, pdfFile, pdfOf, stream } from './pdf-files.js';

const LIMIT = 10_000_000;
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe('the documents of a knowledge base', () => {
  let api: KnowledgeApp;
  let base: string;

  beforeAll(async () => {
    api = await KnowledgeApp.start();
  });

  afterAll(() => api.close());

  beforeEach(async () => {
    base = await api.base();
  });

  const upload: KnowledgeApp['upload'] = (...args) => api.upload(...args);
  const list = async (query = '') => (await api.ask('GET', `/${base}/documents${query}`)).body;
  const chunksOf = (id: string) =>
    api.db.database.query(
      'select position, heading, page, text from knowledge_chunks where document_id = $1 order by 1',
      [id],
    );
  const expectRefused = async (answer: Answer, message: unknown) => {
    expect(answer.status).toBe(400);
    expect(answer.body.error).toEqual({
      code: 'validation_error',
      message,
      details: { body: expect.any(String) },
    });
    expect((await list()).data).toEqual([]);
  };

  describe('POST /v1/knowledge-bases/{id}/documents', () => {
    it('201 for Markdown: its pieces stand under their headings', async () => {
      const text = '# Hours\n\nEvery  day.\n\n## Sunday\n\nFrom ten.';
      const { status, body } = await upload(base, text, { name: 'Opening hours' });
      expect(status).toBe(201);
      expect(body).toEqual({
        data: {
          id: expect.any(String),
          name: 'Opening hours',
          mediaType: 'text/markdown',
          bytes: Buffer.byteLength(text),
          characters: 'Every day.From ten.'.length,
          chunks: 2,
          pages: null,
          createdAt: TIME,
        },
        requestId: expect.stringMatching(/^req-/),
      });
      expect(await chunksOf(body.data.id)).toEqual([
        { position: 0, heading: 'Hours', page: null, text: 'Every day.' },
        { position: 1, heading: 'Hours > Sunday', page: null, text: 'From ten.' },
      ]);
    });

    it('201 for plain text, in which a # is no heading, with and without a mark of its encoding', async () => {
      const { status, body } = await upload(base, '\ufeff# Größe\n42', { type: 'Text/Plain; charset=utf-8' });
      expect([status, body.data.mediaType]).toEqual([201, 'text/plain']);
      expect(await chunksOf(body.data.id)).toMatchObject([{ heading: null, text: '# Größe\n42' }]);
    });

    it('201 for a PDF: its pieces know their page, and are found by it', async () => {
      const file = pdfFile([['Opening hours', 'We open at nine.'], [], ['Prices', '', 'Adults pay 14 euros.']]);
      const { status, body } = await upload(base, file, { name: 'Leaflet', type: 'application/pdf' });
      expect([status, body.data]).toEqual([
        201,
        expect.objectContaining({ mediaType: 'application/pdf', bytes: file.length, pages: 3, chunks: 2 }),
      ]);
      expect(await chunksOf(body.data.id)).toEqual([
        { position: 0, heading: null, page: 1, text: 'Opening hours\nWe open at nine.' },
        { position: 1, heading: null, page: 3, text: 'Prices\n\nAdults pay 14 euros.' },
      ]);
      const found = (await api.search(base, 'what do adults pay')).body.data;
      expect(found).toMatchObject([{ document: 'Leaflet', page: 3 }]);
    });

    it('201 for as much as there may be, in order', async () => {
      const words = Array.from({ length: LIMIT / 10 }, (_, i) => String(i).padStart(9, '0'));
      const { status, body } = await upload(base, words.join(' ').padEnd(LIMIT), { type: 'text/plain' });
      expect([status, body.data.bytes]).toEqual([201, LIMIT]);
      const chunks = await api.db.database.query<{ text: string }>(
        'select text from knowledge_chunks where document_id = $1 order by position',
        [body.data.id],
      );
      expect(chunks).toHaveLength(body.data.chunks);
      expect(chunks.map(({ text }) => text).join(' ') === words.join(' ')).toBe(true);
    });

    it('200 for the same content again: the document that there is', async () => {
      const first = await upload(base, 'Text.', { name: 'First' });
      const again = await upload(base, 'Text.', { name: 'Second', type: 'text/plain' });
      expect([first.status, again.status]).toEqual([201, 200]);
      expect(again.body.data).toEqual(first.body.data);
      expect((await list()).pagination.total).toBe(1);
    });

    it('201 for the same content in another base, and when it has been deleted', async () => {
      const { body } = await upload(base, 'Text.');
      expect((await upload(await api.base(), 'Text.')).status).toBe(201);
      await api.ask('DELETE', `/${base}/documents/${body.data.id}`);
      expect((await upload(base, 'Text.')).status).toBe(201);
    });

    it('201 once and 200 otherwise when the same content races', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => upload(base, 'Text.', { name: `${i}` })));
      expect(answers.map(({ status }) => status).sort()).toEqual([...Array.from({ length: 9 }, () => 200), 201]);
      expect(new Set(answers.map(({ body }) => body.data.id)).size).toBe(1);
      const { data } = await list();
      expect(data).toEqual([answers[0]?.body.data]);
      expect(await chunksOf(data[0].id)).toHaveLength(1);
    });

    it('201 or 404 when the base is deleted meanwhile, and nothing is left behind', async () => {
      const answers = await Promise.all([
        ...Array.from({ length: 5 }, (_, i) => upload(base, `Text ${i}.`)),
        api.ask('DELETE', `/${base}`),
        ...Array.from({ length: 5 }, (_, i) => upload(base, `Other ${i}.`)),
      ]);
      expect(answers.filter(({ status }) => ![200, 201, 404].includes(status))).toEqual([]);
      const left = await api.db.database.query('select 1 from knowledge_chunks where knowledge_base_id = $1', [base]);
      expect(left).toEqual([]);
    });

    it('201 in the language of the base, even when that changes meanwhile', async () => {
      await Promise.all([
        ...Array.from({ length: 5 }, (_, i) => upload(base, `Die Häuser am See, Teil ${i}.`)),
        api.ask('PATCH', `/${base}`, { language: 'de' }),
        ...Array.from({ length: 5 }, (_, i) => upload(base, `Die Häuser am Berg, Teil ${i}.`)),
      ]);
      expect((await api.search(base, 'Haus', 20)).body.data).toHaveLength(10);
    });

    it('400 without a name', async () => {
      for (const name of [null, '', 'x'.repeat(201)]) api.expectRefused(await upload(base, 'Text.', { name }), 'name');
    });

    it.each([
      ['nothing', ''],
      ['blank space', ' \n\t\u0000\n'],
    ])('400 for %s', async (_, text) => {
      await expectRefused(await upload(base, text), 'The document has no text');
    });

    it('400 for one of headings alone', async () => {
      await expectRefused(await upload(base, '# x\n'.repeat(30_001)), expect.stringMatching(/more than 30000 pieces/));
    });

    it.each([
      ['Latin-1', Buffer.from('Größe', 'latin1')],
      ['UTF-16', Buffer.from('\ufeffSize', 'utf16le')],
      ['an image', Buffer.concat([Buffer.from([0x89]), randomBytes(1_000)])],
    ])('400 for what is not UTF-8: %s', async (_, file) => {
      await expectRefused(await upload(base, file, { type: 'text/plain' }), 'The document is not UTF-8 text');
    });

    it.each([
      ['nothing', Buffer.alloc(0), /^The PDF cannot be read/],
      ['text', Buffer.from('Opening hours'), /^The PDF cannot be read/],
      ['garbage', randomBytes(10_000), /^The PDF cannot be read/],
      ['half of one', pdfFile([['a'], ['b']]).subarray(0, 300), /^The PDF cannot be read/],
      ['one that is encrypted', encryptedPdf(), /^The PDF is encrypted/],
      ['one of pictures', pdfOf([stream(Buffer.from('0 0 100 100 re f'))]), /^The document has no text$/],
      ['one without pages', pdfOf([]), /^The (PDF cannot be read|document has no text)/],
    ])('400 for a PDF that is %s', async (_, file, message) => {
      await expectRefused(await upload(base, file, { type: 'application/pdf' }), expect.stringMatching(message));
    });

    it.each(['application/msword', 'application/octet-stream', 'application/json', 'text/html', null])(
      '415 as %s',
      async (type) => {
        const { status, body } = await upload(base, '{}', { type });
        expect([status, body.error.code]).toEqual([415, 'unsupported_media_type']);
        expect(body.error.message).toContain('text/plain or text/markdown or application/pdf');
      },
    );

    it('413 for a byte more than the limit, whether its size is said before or not', async () => {
      const file = Buffer.alloc(LIMIT + 1, 'x ');
      for (const body of [file, new Blob([file]).stream()]) {
        const answer = await upload(base, body, { type: 'text/plain' });
        expect([answer.status, answer.body.error.code]).toEqual([413, 'payload_too_large']);
      }
    });

    it('409 when there is no more room', async () => {
      await api.db.database.query(
        `insert into knowledge_documents
           (id, organization_id, knowledge_base_id, name, media_type, sha256, bytes, characters, chunks)
         select gen_random_uuid(), $1, $2, 'x', 'text/plain', decode(lpad(n::text, 64, '0'), 'hex'), 1, 1, 0
         from generate_series(1, 999) n`,
        [api.tenant.organizationId, base],
      );
      const answers = await Promise.all(Array.from({ length: 3 }, (_, i) => upload(base, `Text ${i}.`)));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
      expect((await list()).pagination.total).toBe(1_000);
    });

    it("404 is the same for another organization's base and none at all", async () => {
      api.expectNotFound(await upload(base, 'Text.', { key: api.stranger.key }));
      for (const id of [randomUUID(), 'x', "'%20or%201=1"]) api.expectNotFound(await upload(id, 'Text.'));
      expect((await list()).data).toEqual([]);
    });

    it('401 without a key', async () => {
      expect((await upload(base, 'Text.', { key: 'x' })).status).toBe(401);
    });

    it('403 without the scope', () => api.expectScope('agents:write', (key) => upload(base, 'Text.', { key })));
  });

  describe('GET /v1/knowledge-bases/{id}/documents', () => {
    it('200 lists them, newest first', async () => {
      const uploaded = [await upload(base, 'One.'), await upload(base, 'Two.'), await upload(base, 'Three.')];
      const { data, pagination } = await list('?limit=2');
      expect(pagination).toEqual({ page: 1, limit: 2, total: 3, totalPages: 2 });
      const all = [...data, ...(await list('?limit=2&page=2')).data];
      expect(all).toEqual(uploaded.reverse().map(({ body }) => body.data));
    });

    it("404 is the same for another organization's base and none at all", async () => {
      api.expectNotFound(await api.ask('GET', `/${base}/documents`, undefined, api.stranger.key));
      for (const id of [randomUUID(), 'x']) api.expectNotFound(await api.ask('GET', `/${id}/documents`));
    });

    it('403 without the scope', () =>
      api.expectScope('agents:read', (key) => api.ask('GET', `/${base}/documents`, undefined, key)));
  });

  describe.each([
    ['GET', 'agents:read'],
    ['DELETE', 'agents:write'],
  ] as const)('%s /v1/knowledge-bases/{id}/documents/{documentId}', (method, scope) => {
    let document: { id: string };

    beforeEach(async () => {
      document = (await upload(base, 'The museum opens at nine.')).body.data;
    });

    const ask = (id = document.id, of = base, key = api.tenant.key) =>
      api.ask(method, `/${of}/documents/${id}`, undefined, key);

    it('200 has the document', async () => {
      const { status, body } = await ask();
      expect([status, body.data]).toEqual([200, document]);
      const isThere = method === 'GET';
      expect((await list()).data).toHaveLength(isThere ? 1 : 0);
      expect((await api.search(base, 'museum')).body.data).toHaveLength(isThere ? 1 : 0);
      expect(await chunksOf(document.id)).toHaveLength(isThere ? 1 : 0);
    });

    it("404 is the same for another organization's base and none at all", async () => {
      api.expectNotFound(await ask(document.id, base, api.stranger.key));
      api.expectNotFound(await ask(document.id, 'x'));
      expect((await list()).data).toHaveLength(1);
    });

    it('404 for a document of another base, and for none', async () => {
      api.expectNotFound(await ask(document.id, await api.base()), 'Document');
      for (const id of [randomUUID(), 'x', "'%20or%201=1"]) api.expectNotFound(await ask(id), 'Document');
      const foreign = await api.base({}, api.stranger.key);
      api.expectNotFound(await ask(document.id, foreign, api.stranger.key), 'Document');
      expect((await list()).data).toHaveLength(1);
    });

    it('403 without the scope', () => api.expectScope(scope, (key) => ask(document.id, base, key)));
  });
});
