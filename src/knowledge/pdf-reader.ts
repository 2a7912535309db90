import { Worker } from 'node:worker_threads';
import { DomainError, SerialQueue, workerFile } from '../lib/platform/index.js';
import { type PdfAnswer, type PdfTask } from './pdf-messages.js';

export interface PdfLimits {
  /** For one PDF, from when its turn has come. */
  timeoutMs: number;
  maxPages: number;
  maxCharacters: number;
  /** Of the thread's JavaScript. */
  heapMb: number;
  /** By how much the whole process may grow meanwhile: what is unpacked lies outside of that heap. */
  growthMb: number;
  /** PDFs that wait for their turn or have it. */
  maxWaiting: number;
  /** Of one organization. */
  maxWaitingEach: number;
}

export const PDF_LIMITS: PdfLimits = {
  timeoutMs: 30_000,
  maxPages: 2_000,
  maxCharacters: 10_000_000,
  heapMb: 256,
  growthMb: 512,
  maxWaiting: 8,
  maxWaitingEach: 2,
};

const MEMORY_CHECK_MS = 100;

/** Extracts the text of PDFs, one at a time. Each has its own thread, which a hostile file can block or crash alone. */
export class PdfReader {
  private readonly waiting: string[] = [];
  private readonly queue = new SerialQueue();

  constructor(
    private readonly limits: PdfLimits = PDF_LIMITS,
    private readonly worker = workerFile(new URL('./pdf-worker.js', import.meta.url)),
  ) {}

  /**
   * The text of each page.
   * @throws DomainError `validation_error` for a PDF that cannot be read, `rate_limit_exceeded` when too many wait
   */
  async read(organizationId: string, file: Uint8Array): Promise<string[]> {
    const { maxWaiting, maxWaitingEach } = this.limits;
    const own = this.waiting.filter((id) => id === organizationId).length;
    if (own >= maxWaitingEach || this.waiting.length >= maxWaiting)
      throw new DomainError('rate_limit_exceeded', 'Too many PDFs are being read at the moment; send it again later');
    this.waiting.push(organizationId);
    try {
      return await this.queue.run(() => this.readNow(file));
    } finally {
      this.waiting.splice(this.waiting.indexOf(organizationId), 1);
    }
  }

  private async readNow(file: Uint8Array): Promise<string[]> {
    const answer = await this.ask(file);
    if ('problem' in answer)
      throw new DomainError('validation_error', `The PDF ${answer.problem}`, { body: answer.problem });
    return answer.pages;
  }

  private async ask(file: Uint8Array): Promise<PdfAnswer> {
    const { maxPages, maxCharacters, heapMb, timeoutMs } = this.limits;
    // A copy, to be given away: the bytes of a request may lie in a buffer that others use.
    const bytes = Uint8Array.from(file);
    const worker = new Worker(this.worker, {
      name: 'pdf',
      workerData: { bytes, maxPages, maxCharacters } satisfies PdfTask,
      transferList: [bytes.buffer],
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
      // It needs no settings, and what it prints would be about a stranger's file.
      env: {},
      stdout: true,
      stderr: true,
    });
    const watch: NodeJS.Timeout[] = [];
    try {
      return await new Promise<PdfAnswer>((resolve) => {
        const problem = (text: string) => {
          resolve({ problem: text });
        };
        worker.once('message', resolve);
        worker.once('error', (error: NodeJS.ErrnoException) => {
          problem(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? TOO_LARGE : 'cannot be read');
        });
        // Without having answered.
        worker.once('exit', () => {
          problem('cannot be read');
        });
        watch.push(setTimeout(problem, timeoutMs, `takes longer than ${Math.ceil(timeoutMs / 1000)} seconds to read`));
        const check = this.memoryCheck(problem);
        check();
        watch.push(setInterval(check, MEMORY_CHECK_MS));
      });
    } finally {
      watch.forEach(clearInterval);
      await worker.terminate();
    }
  }

  private memoryCheck(problem: (text: string) => void): () => void {
    const growth = this.limits.growthMb * 1024 * 1024;
    let least = Infinity;
    return () => {
      const now = process.memoryUsage.rss();
      // What others give back meanwhile is not the thread's to take.
      least = Math.min(least, now);
      if (now - least > growth) problem(TOO_LARGE);
    };
  }
}

const TOO_LARGE = 'needs too much memory to read';
