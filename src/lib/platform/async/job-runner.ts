import { singleFlight } from './single-flight.js';

export interface JobSource<Job> {
  /** Takes due jobs under a lease, at most `limit`. */
  take: (limit: number) => Promise<readonly Job[]>;
  /** Carries a job out. A rejection is reported to `failed`; the job is due again when its lease ends. */
  run: (job: Job) => Promise<void>;
  failed: (error: unknown, job: Job) => void;
  maxConcurrent: number;
}

/** Takes due jobs and runs them, several at once, until it is stopped. */
export class JobRunner<Job> {
  private readonly running = new Set<Promise<void>>();
  private stopped = false;
  private readonly takeOnce = singleFlight(() => this.take());

  constructor(private readonly source: JobSource<Job>) {}

  /** Starts due jobs, as many as there are free places. @throws Error when they could not be taken */
  round(): Promise<void> {
    return this.takeOnce();
  }

  /** Resolves when no job is due or running. */
  async idle(): Promise<void> {
    do {
      await Promise.all(this.running);
      await this.takeOnce();
    } while (this.running.size > 0);
  }

  /** Takes no more jobs. Resolves when the running ones have ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    // A failure of the last round was reported to its caller.
    await this.takeOnce().catch(() => undefined);
    await Promise.all(this.running);
  }

  private async take(): Promise<void> {
    const free = this.source.maxConcurrent - this.running.size;
    if (this.stopped || free <= 0) return;
    for (const job of await this.source.take(free)) this.start(job);
  }

  private start(job: Job): void {
    const work = this.source
      .run(job)
      .catch((error: unknown) => {
        this.source.failed(error, job);
      })
      .finally(() => {
        this.running.delete(work);
        // The next job does not wait for the next round; a failure shows again there.
        if (!this.stopped) void this.takeOnce().catch(() => undefined);
      });
    this.running.add(work);
  }
}
