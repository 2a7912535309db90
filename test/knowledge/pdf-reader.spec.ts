import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { PDF_LIMITS, type PdfLimits, PdfReader } from '../../src/knowledge/pdf-reader.js';
import { pdfFile, pdfOf, stream } from './pdf-files.js';

const reader = (limits: Partial<PdfLimits> = {}, worker?: string): PdfReader =>
  new PdfReader({ ...PDF_LIMITS, ...limits }, worker);
const ONE = pdfFile([['Text.']]);
/** A page whose content is a thousand times as large as the file. */
const packed = (content: Buffer): Buffer => pdfOf([stream(deflateSync(content), '/Filter /FlateDecode')]);

describe('PdfReader', () => {
  const refusal = (problem: string) => ({
    code: 'validation_error',
    message: `The PDF ${problem}`,
    details: { body: problem },
  });
  /** What a reader says of a file that is too much for it. The next one has its turn all the same. */
  async function problemOf(file: Buffer, limits: Partial<PdfLimits>): Promise<unknown> {
    const pdfs = reader(limits);
    const [problem, next] = await Promise.allSettled([pdfs.read('a', file), pdfs.read('b', Buffer.from('no PDF'))]);
    expect(next).toMatchObject({ status: 'rejected', reason: { code: 'validation_error' } });
    return problem.status === 'rejected' ? problem.reason : problem.value;
  }

  it('has the text of each page', async () => {
    const file = pdfFile([['Opening hours', 'We open at nine (9).'], [], ['Infor-', 'mation']]);
    expect(await reader().read('a', file)).toEqual(['Opening hours\nWe open at nine (9).', '', 'Information']);
  });

  it('leaves the file as it was', async () => {
    const file = pdfFile([['Text.']]);
    await reader().read('a', file.subarray());
    expect(file.equals(ONE)).toBe(true);
  });

  it('reads as many pages as it may, and no more', async () => {
    const pages = Array.from({ length: 3 }, (_, i) => [`Page ${i}`]);
    expect(await reader({ maxPages: 3 }).read('a', pdfFile(pages))).toHaveLength(3);
    expect(await problemOf(pdfFile(pages), { maxPages: 2 })).toMatchObject(refusal('must have at most 2 pages'));
  });

  it('reads as much text as it may, and no more', async () => {
    expect(await reader({ maxCharacters: 5 }).read('a', ONE)).toEqual(['Text.']);
    const problem = await problemOf(pdfFile([['Text'], ['.x']]), { maxCharacters: 5 });
    expect(problem).toMatchObject(refusal('must have at most 5 characters of text'));
  });

  it('ends one that takes too long', async () => {
    const endless = packed(Buffer.alloc(60_000_000, 'q '));
    expect(await problemOf(endless, { timeoutMs: 300 })).toMatchObject(refusal('takes longer than 1 seconds to read'));
  });

  it('ends one that takes too much memory, in the heap of its thread or outside of it', async () => {
    const expected = refusal('needs too much memory to read');
    expect(await problemOf(packed(Buffer.alloc(600_000_000, ' ')), { growthMb: 50 })).toMatchObject(expected);
    expect(await problemOf(ONE, { heapMb: 4 })).toMatchObject(expected);
  });

  it('reads one at a time, in the order in which they came', async () => {
    const pdfs = reader();
    const order: number[] = [];
    const files = [pdfFile(Array.from({ length: 300 }, () => ['x'])), ONE, Buffer.from('no PDF'), ONE];
    const read = files.map((file, i) =>
      pdfs
        .read(`organization ${i}`, file)
        .catch(() => undefined)
        .finally(() => order.push(i)),
    );
    await Promise.all(read);
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('lets only so many wait, of one organization and of all, and others once they are read', async () => {
    const pdfs = reader({ maxWaiting: 3, maxWaitingEach: 2 });
    const busy = { code: 'rate_limit_exceeded', message: expect.stringContaining('send it again later') };
    const waiting = [pdfs.read('a', ONE), pdfs.read('a', ONE)];
    await expect(pdfs.read('a', ONE)).rejects.toMatchObject(busy);
    waiting.push(pdfs.read('b', ONE));
    await expect(pdfs.read('c', ONE)).rejects.toMatchObject(busy);
    expect(await Promise.all(waiting)).toEqual([['Text.'], ['Text.'], ['Text.']]);
    expect(await pdfs.read('a', ONE)).toEqual(['Text.']);
  });

  describe('with a thread that fails', () => {
    const folder = mkdtempSync(join(tmpdir(), 'outdial-pdf-'));

    afterAll(() => {
      rmSync(folder, { recursive: true });
    });

    it.each([
      ['throws', 'throw new Error("/etc/secret");'],
      ['ends without an answer', 'process.exit(0);'],
      ['cannot be started', 'syntax error'],
    ])('400 when it %s, without telling more', async (name, source) => {
      const worker = join(folder, `${name}.mjs`);
      writeFileSync(worker, source);
      const pdfs = reader({}, worker);
      for (let time = 0; time < 3; time++)
        await expect(pdfs.read('a', ONE)).rejects.toMatchObject(refusal('cannot be read'));
    });

    it('gives it none of the settings', async () => {
      const worker = join(folder, 'env.mjs');
      writeFileSync(
        worker,
        `import { parentPort } from 'node:worker_threads'; parentPort.postMessage({ pages: Object.keys(process.env) });`,
      );
      expect(await reader({}, worker).read('a', ONE)).toEqual([]);
    });
  });
});
