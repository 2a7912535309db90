import { type Clock } from './clock.js';

/** Milliseconds since the answer, by the clock: set by the first frame that is heard. */
export class LineTime {
  private originMs: number;
  private set = false;

  constructor(private readonly clock: Clock) {
    this.originMs = clock.now();
  }

  readonly now = (): number => this.clock.now() - this.originMs;

  /** A frame has just been heard that ended at `atMs`. */
  heard(atMs: number): void {
    if (this.set) return;
    this.set = true;
    this.originMs = this.clock.now() - atMs;
  }
}
