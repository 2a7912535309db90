import { type Clock } from '../../../src/voice/clock.js';

/** Time that passes by `advance` only. */
export class VirtualClock implements Clock {
  private ms = 0;
  private readonly timers = new Map<number, { atMs: number; run: () => void }>();
  private lastId = 0;

  now(): number {
    return this.ms;
  }

  after(ms: number, run: () => void): () => void {
    const id = ++this.lastId;
    this.timers.set(id, { atMs: this.ms + Math.max(0, ms), run });
    return () => {
      this.timers.delete(id);
    };
  }

  /** Number of timers that wait. */
  get waiting(): number {
    return this.timers.size;
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.ms + ms;
    for (;;) {
      await settled();
      const due = [...this.timers].filter(([, { atMs }]) => atMs <= untilMs).sort((a, b) => a[1].atMs - b[1].atMs)[0];
      if (!due) break;
      this.timers.delete(due[0]);
      this.ms = Math.max(this.ms, due[1].atMs);
      due[1].run();
    }
    this.ms = untilMs;
  }
}

/** Waits until pending promises have settled. */
export const settled = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
