import { type Clock } from '../clock.js';

/**
 * Milliseconds since the answer, set by the frames of the line. The frame with the least delay counts, so that no frame
 * is later than now; with the first frame, its delay would move all times that follow.
 */
export class CallClock {
  private originMs: number;
  private isSet = false;

  constructor(private readonly clock: Clock) {
    this.originMs = clock.now();
  }

  readonly now = (): number => this.clock.now() - this.originMs;

  /** A frame that ended at `atMs` has just come. */
  frameEnded(atMs: number): void {
    const originMs = this.clock.now() - atMs;
    this.originMs = this.isSet ? Math.min(this.originMs, originMs) : originMs;
    this.isSet = true;
  }
}
