import { type LegSignal } from './provider.js';

/** The signals of a leg, for any number of readers: each gets all of them from the beginning. */
export class SignalLog {
  private readonly signals: LegSignal[] = [];
  private readonly waiting = new Set<() => void>();
  private closed = false;

  /** Drops signals after `ended`. */
  add(signal: LegSignal): void {
    if (this.closed) return;
    this.signals.push(signal);
    if (signal.type === 'ended') this.closed = true;
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
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
}
