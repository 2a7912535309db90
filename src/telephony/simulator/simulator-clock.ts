import { performance } from 'node:perf_hooks';
import { FRAME_MS } from '../../lib/audio/index.js';

/** A longer standstill in real time is skipped instead of caught up. */
const MAX_BEHIND_MS = 1_000;

interface Timer {
  dueMs: number;
  run: () => void;
}

/**
 * The time of all simulated lines of a process, in steps of 20 ms. Its single timer aims at multiples from its start, so
 * that lateness never adds up, and runs only while a line is open or a timer waits. Conversations on simulated lines use
 * this clock too: at any speed and load, the same words make the same conversation to the millisecond.
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

  /** Whether a line is open or a timer waits. */
  get isRunning(): boolean {
    return this.nextAt !== undefined;
  }

  /** Milliseconds of simulated time. It stands still while nothing runs. */
  now(): number {
    return this.ms;
  }

  /** Calls `run` once, `ms` milliseconds of simulated time later. @returns cancels it */
  after(ms: number, run: () => void): () => void {
    const timer = { dueMs: this.ms + ms, run };
    this.timers.add(timer);
    this.nextDueMs = Math.min(this.nextDueMs, timer.dueMs);
    this.start();
    return () => {
      if (this.timers.delete(timer)) this.stopIfIdle();
    };
  }

  /** Calls `tick` every 20 ms of simulated time. @returns stops it */
  every(tick: () => void): () => void {
    const own = (): void => {
      tick();
    };
    this.lines.add(own);
    this.start();
    return () => {
      if (this.lines.delete(own)) this.stopIfIdle();
    };
  }

  private start(): void {
    if (this.nextAt !== undefined) return;
    this.nextAt = this.real() + FRAME_MS / this.speed;
    this.arm();
  }

  private stopIfIdle(): void {
    if (this.nextAt === undefined || this.lines.size + this.timers.size > 0) return;
    this.nextAt = undefined;
    this.cancel();
  }

  private arm(): void {
    if (this.nextAt !== undefined) this.cancel = this.schedule(this.run, this.nextAt - this.real());
  }

  /** Takes one step at a time even when late, so that the work of a step runs before the next. */
  private readonly run = (): void => {
    const behindMs = this.real() - (this.nextAt ?? Infinity);
    if (behindMs >= 0) {
      this.nextAt = (this.nextAt ?? 0) + FRAME_MS / this.speed + (behindMs > MAX_BEHIND_MS ? behindMs : 0);
      this.step();
    }
    this.arm();
  };

  private step(): void {
    this.ms += FRAME_MS;
    if (this.nextDueMs <= this.ms) this.runDue();
    for (const tick of this.lines) tick();
    this.stopIfIdle();
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
