import { type LegSignal } from '../provider.js';

/** What has happened on a leg, for any number of readers: each is told all of it from the beginning. */
export class SignalLog {
  private readonly signals: LegSignal[] = [];
  private readonly waiting = new Set<() => void>();
  private closed = false;

  /** Nothing follows `ended`; what comes after it is dropped. */
  add(signal: LegSignal): void {
    if (this.closed) return;
    this.signals.push(signal);
    if (signal.type === 'ended') this.closed = true;
    this.wake();
  }

  /** Readers are told what there is, and then no more. */
  close(): void {
    this.closed = true;
    this.wake();
  }

  get all(): readonly LegSignal[] {
    return this.signals;
  }

  async *read(): AsyncGenerator<LegSignal, void> {
    for (let next = 0; ; next++) {
      while (next >= this.signals.length) {
        if (this.closed) return;
        await new Promise<void>((resolve) => this.waiting.add(resolve));
      }
      yield this.signals[next] as LegSignal;
    }
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }
}
