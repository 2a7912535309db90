import { type Clock } from '../clock.js';

/**
 * Milliseconds since the answer, by the clock: set by what is heard. The frame that came with the least delay counts, so
 * that nothing of the line is ever later than now; a first one that came late would move all that follows.
 */
export class CallClock {
  private originMs: number;
  private set = false;

  constructor(private readonly clock: Clock) {
    this.originMs = clock.now();
  }

  readonly now = (): number => this.clock.now() - this.originMs;

  /** A frame has just been heard that ended at `atMs`. */
  heard(atMs: number): void {
    const originMs = this.clock.now() - atMs;
    this.originMs = this.set ? Math.min(this.originMs, originMs) : originMs;
    this.set = true;
  }
}
