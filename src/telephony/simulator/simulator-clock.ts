import { performance } from 'node:perf_hooks';
import { FRAME_MS } from '../../lib/audio/index.js';

/** What stood still for longer than this, milliseconds of real time, is left out: nobody waits at the other end. */
const MOST_BEHIND_MS = 1_000;

interface Timer {
  dueMs: number;
  run: () => void;
}

/**
 * The time of all simulated lines of a process: 20 ms at a time, on one timer that aims at multiples from its start, so
 * that lateness never adds up, and that runs only while there is a line or somebody waits. Whoever converses on a line
 * takes its time from here as well: both then agree to the millisecond, however fast it goes and however busy the
 * machine is, and the same words always make the same conversation.
 */
export class SimulatorClock {
  private ms = 0;
  private readonly lines = new Set<() => void>();
  private readonly timers = new Set<Timer>();
  private nextDueMs = Infinity;
  /** Real time of the next step; undefined while nothing runs. */
  private nextAt: number | undefined;
  private cancel: () => void = () => undefined;

  /** @param speed how much faster than real time; `real` and `schedule` are given for tests */
  constructor(
    private readonly speed: number,
    private readonly real: () => number = () => performance.now(),
    private readonly schedule: (run: () => void, delayMs: number) => () => void = setTimer,
  ) {}

  /** Somebody waits for it. */
  get isRunning(): boolean {
    return this.nextAt !== undefined;
  }

  /** Milliseconds of simulated time. It stands still while nothing runs. */
  now(): number {
    return this.ms;
  }

  /** Calls `run` once, `ms` milliseconds of simulated time later. Returns how to call it off. */
  after(ms: number, run: () => void): () => void {
    const timer = { dueMs: this.ms + ms, run };
    this.timers.add(timer);
    this.nextDueMs = Math.min(this.nextDueMs, timer.dueMs);
    this.start();
    return () => {
      if (this.timers.delete(timer)) this.rest();
    };
  }

  /** Calls `tick` every 20 ms of simulated time. Returns how to stop. */
  every(tick: () => void): () => void {
    const own = (): void => {
      tick();
    };
    this.lines.add(own);
    this.start();
    return () => {
      if (this.lines.delete(own)) this.rest();
    };
  }

  private start(): void {
    if (this.nextAt !== undefined) return;
    this.nextAt = this.real() + FRAME_MS / this.speed;
    this.arm();
  }

  private rest(): void {
    if (this.nextAt === undefined || this.lines.size + this.timers.size > 0) return;
    this.nextAt = undefined;
    this.cancel();
  }

  private arm(): void {
    if (this.nextAt !== undefined) this.cancel = this.schedule(this.run, this.nextAt - this.real());
  }

  /** One step at a time, however late it is: what it has set off goes on in between. */
  private readonly run = (): void => {
    const behindMs = this.real() - (this.nextAt ?? Infinity);
    if (behindMs >= 0) {
      this.nextAt = (this.nextAt ?? 0) + FRAME_MS / this.speed + (behindMs > MOST_BEHIND_MS ? behindMs : 0);
      this.step();
    }
    this.arm();
  };

  private step(): void {
    this.ms += FRAME_MS;
    if (this.nextDueMs <= this.ms) this.runDue();
    for (const tick of this.lines) tick();
    this.rest();
  }

  private runDue(): void {
    const due = [...this.timers].filter(({ dueMs }) => dueMs <= this.ms).sort((a, b) => a.dueMs - b.dueMs);
    for (const timer of due) if (this.timers.delete(timer)) timer.run();
    this.nextDueMs = Math.min(Infinity, ...[...this.timers].map(({ dueMs }) => dueMs));
  }
}

function setTimer(run: () => void, delayMs: number): () => void {
  if (delayMs <= 0) {
    const immediate = setImmediate(run);
    return () => {
      clearImmediate(immediate);
    };
  }
  const timer = setTimeout(run, Math.ceil(delayMs));
  return () => {
    clearTimeout(timer);
  };
}
