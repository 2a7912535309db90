import { setTimeout as delay } from 'node:timers/promises';
import { type Log } from '../log.js';

/** Work that is done again and again, never twice at once. An error is logged and the next round goes on. */
export class PeriodicTask {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  constructor(
    private readonly name: string,
    private readonly everyMs: number,
    private readonly work: () => Promise<unknown>,
    private readonly log: Log,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Resolves when the round under way has ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await this.work();
      } catch (error) {
        this.log.error({ err: error, task: this.name }, 'periodic task failed; it will be tried again');
      }
      await delay(this.everyMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
