import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { KnowledgeSearch } from '../../src/knowledge/knowledge-search.js';
import { type Passage } from '../../src/knowledge/citation-text.js';
import { KnowledgeApp } from './knowledge-app.js';
import { MUSEUM, QUESTIONS } from './museum-corpus.js';

const documentOf = ({ document }: Passage): string => document;

describe('the search of knowledge bases', () => {
  let api: KnowledgeApp;
  let museum: string;

  beforeAll(async () => {
    api = await KnowledgeApp.start();
    museum = await api.base();
    for (const [name, text] of Object.entries(MUSEUM)) await api.upload(museum, text, { name });
  });

  afterAll(() => api.close());

  const search = (query: string, ids: string[] = [museum], limit?: number, of = api.tenant.organizationId) =>
    api.app.nest.get(KnowledgeSearch, { strict: false }).search(of, ids, query, limit);

  describe('KnowledgeSearch', () => {
    it.each(QUESTIONS)('answers "%s" in the first three', async (question, answer) => {
      const passages = await search(question);
      const place = passages.findIndex(({ text }) => text.includes(answer));
      expect([passages.map(({ text }) => text), [0, 1, 2].includes(place)]).toEqual([expect.anything(), true]);
    });

    it('says where a passage is from', async () => {
      const [first] = await search('opening hours on sunday');
      expect(first).toEqual({
        documentId: expect.any(String),
        document: 'Opening hours',
        heading: 'Opening hours > Weekend',
        page: null,
        text: expect.stringContaining('On Saturday and Sunday'),
        rank: expect.any(Number),
      });
    });

    it('has what has all words before what has some, and nothing twice', async () => {
      const passages = await search('sunday museum', [museum], 20);
      const ranks = passages.map(({ rank }) => rank);
      expect(ranks).toEqual([...ranks].sort((a, b) => b - a));
      expect(new Set(passages.map(({ text }) => text)).size).toBe(passages.length);
      const complete = passages.filter(({ rank }) => rank >= 1).map(({ text }) => text);
      expect(complete).toEqual([]);
      expect((await search('students card'))[0]?.rank).toBeGreaterThan(1);
    });

    it('finds documents by their name', async () => {
      const other = await api.base();
      await api.upload(other, 'Bring your own.', { name: 'sleeping-bags.md' });
      expect(await search('sleeping bag', [other])).toMatchObject([{ text: 'Bring your own.' }]);
    });

    it('knows what search engines know: phrases and words to be left out', async () => {
      const whole = async (query: string) => (await search(query)).filter(({ rank }) => rank >= 1).map(documentOf);
      expect(await whole('"guide dogs"')).toEqual(['Accessibility']);
      expect(await whole('"dogs guide"')).toEqual([]);
      expect((await search('euros -parking', [museum], 1))[0]?.text).not.toMatch(/parking/i);
    });

    it('takes as many as are asked for, 20 at most', async () => {
      const many = await api.base();
      const text = Array.from({ length: 30 }, (_, i) => `# Room ${i}\nThis room is blue.`).join('\n');
      await api.upload(many, text);
      expect(await search('blue room', [many])).toHaveLength(5);
      expect(await search('blue room', [many], 2)).toHaveLength(2);
      for (const [asked, got] of [
        [1_000, 20],
        [0, 1],
        [-3, 1],
        [2.7, 2],
        [NaN, 1],
      ] as const)
        expect([asked, (await search('blue room', [many], asked)).length]).toEqual([asked, got]);
    });

    it('looks into several bases, each in its language', async () => {
      const german = await api.base({ language: 'de-AT' });
      await api.upload(german, 'Die Parkplätze liegen hinter dem Haus.', { name: 'Anfahrt' });
      expect(await search('parkplatz', [museum, german])).toMatchObject([{ document: 'Anfahrt' }]);
      const both = await search('Parkplätzen, parking', [museum, german]);
      expect(both.map(documentOf).sort()).toEqual(['Anfahrt', 'Getting here']);
    });

    it('finds nothing where there is nothing: no bases, no words, no such bases', async () => {
      for (const ids of [[], [randomUUID()], ['x'], ["'); drop table knowledge_bases"]])
        expect(await search('opening hours', ids)).toEqual([]);
      for (const query of ['', ' ', 'what is it', '-sunday -monday -', '???', 'zebra', '"" or ""'])
        expect([query, (await search(query)).filter(({ rank }) => rank >= 1)]).toEqual([query, []]);
      expect(await search('zebra')).toEqual([]);
    });

    it("finds nothing of another organization's, even by id", async () => {
      expect(await search('opening hours', [museum], 5, api.stranger.organizationId)).toEqual([]);
    });

    it.each([
      ["sunday'; drop table knowledge_chunks; --"],
      ["sunday' | 'x' & !('"],
      ['sunday & | ! <-> ( ) :* :A'],
      ['"sunday'],
      ["\\' \\\\ sunday \\"],
      ['sunday\u0000'],
      ['\u0000\ud800 sunday \udfff'],
      ['sunday -"not" or or or'],
      ["http://sunday.example/a'b?c=d&e|f sunday"],
      ['$1 $2 :sunday %s ${sunday} sunday'],
      ['<b>sunday</b> &amp; sunday@example.org'],
    ])('finds Sunday in spite of %j', async (query) => {
      const passages = await search(query);
      expect(passages.map(({ text }) => text)).toContainEqual(expect.stringContaining('Sunday'));
    });

    it.each(['sunday ', '( ', '"', '-', '- ', '-"" ', '-(', '" -', 'or ', '!', 'a1-b2 '])(
      'finds Sunday before %j over and over again',
      async (more) => {
        const passages = await search(`sunday ${more.repeat(100_000)}`);
        expect(passages.map(({ text }) => text)).toContainEqual(expect.stringContaining('Sunday'));
      },
    );

    it('has an answer for a word without end', async () => {
      expect(await search('x'.repeat(1_000_000))).toEqual([]);
      expect(await search('😀'.repeat(400))).toEqual([]);
    });

    it('has an answer to anything', async () => {
      const part = fc.oneof(
        fc.constantFrom('-', '"', ' ', 'or', ' sunday', '!', '(', ')', ':*', '<->', "'", '\\', '&', '|', '\u0000'),
        fc.string({ unit: 'binary', maxLength: 5 }),
      );
      const query = fc.array(part, { maxLength: 250, size: 'max' }).map((parts) => parts.join(''));
      await fc.assert(
        fc.asyncProperty(query, async (text) => {
          expect((await search(text)).length).toBeLessThanOrEqual(5);
        }),
        { numRuns: 200 },
      );
    });
  });

  describe('GET /v1/knowledge-bases/{id}/search', () => {
    it('200 has the passages that a call would get', async () => {
      const question = 'what are your opening hours on sunday please';
      const { status, body } = await api.search(museum, question);
      expect(status).toBe(200);
      expect(body).toEqual({ data: await search(question), requestId: expect.stringMatching(/^req-/) });
      expect((await api.search(museum, question, 1)).body.data).toEqual(body.data.slice(0, 1));
    });

    it('200 with nothing for words that stand nowhere', async () => {
      const { status, body } = await api.search(museum, 'zebra');
      expect([status, body.data]).toEqual([200, []]);
    });

    it('400 without a question, and for one of more than 500 characters', async () => {
      api.expectRefused(await api.ask('GET', `/${museum}/search`), 'q');
      api.expectRefused(await api.search(museum, 'x'.repeat(501)), 'q');
      api.expectRefused(await api.search(museum, '\u0000'), 'q');
      expect((await api.search(museum, 'x'.repeat(500))).status).toBe(200);
    });

    it.each([0, 21, -1, 1.5])('400 for a limit of %d', async (limit) => {
      api.expectRefused(await api.search(museum, 'sunday', limit), 'limit');
    });

    it("404 is the same for another organization's base and none at all", async () => {
      api.expectNotFound(await api.search(museum, 'sunday', 5, api.stranger.key));
      for (const id of [randomUUID(), 'x']) api.expectNotFound(await api.search(id, 'sunday'));
    });

    it('403 without the scope', () => api.expectScope('agents:read', (key) => api.search(museum, 'x', 5, key)));
  });
});
