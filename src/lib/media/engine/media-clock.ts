import { FRAME_MS } from '../../audio/index.js';

/** Runs every 20 ms. `skippedTicks`: ticks dropped before this one after a stall of the process. */
export type Ticker = (nowMs: number, skippedTicks: number) => void;

/** Sessions tick in this many phases of a period, so that none waits for all others. */
const PHASES = 5;
const STEP_MS = FRAME_MS / PHASES;
/** The clock catches up after a shorter delay and drops ticks after a longer one. */
const MAX_BEHIND_MS = 100;
/** Timers have a resolution of one millisecond. */
const SOON_MS = 0.5;

interface Member {
  ticker: Ticker;
  skipsSeen: number;
}

/**
 * One timer for all sessions. It aims at multiples of the period since its start, so that delays do not accumulate and each
 * session ticks 50 times a second on average. Tests pass `now` and `schedule`.
 */
export class MediaClock {
  private readonly phases: Set<Member>[] = Array.from({ length: PHASES }, () => new Set());
  private phase = 0;
  private next = 0;
  private skips = 0;
  private members = 0;
  private cancel: (() => void) | undefined;

  constructor(
    /** Called after the ticks of a phase. */
    private readonly afterPhase: () => void,
    private readonly now: () => number = () => performance.now(),
    private readonly schedule: (run: () => void, delayMs: number) => () => void = setTimer,
  ) {}

  /** Adds a ticker to the phase with the fewest. @returns the function that removes it */
  add(ticker: Ticker): () => void {
    const phase = this.phases.reduce((least, candidate) => (candidate.size < least.size ? candidate : least));
    const member = { ticker, skipsSeen: this.skips };
    phase.add(member);
    if (this.members++ === 0) this.start();
    return () => {
      if (!phase.delete(member)) return;
      if (--this.members === 0) this.stop();
    };
  }

  private start(): void {
    this.next = this.now() + STEP_MS;
    this.arm();
  }

  private stop(): void {
    this.cancel?.();
    this.cancel = undefined;
  }

  private arm(): void {
    this.cancel = this.schedule(this.run, Math.max(0, this.next - this.now()));
  }

  private readonly run = (): void => {
    const behind = this.now() - this.next;
    if (behind > MAX_BEHIND_MS) {
      const left = Math.floor(behind / FRAME_MS);
      this.skips += left;
      this.next += left * FRAME_MS;
    }
    const now = this.now();
    if (this.next <= now) {
      for (const member of this.phases[this.phase] ?? []) {
        member.ticker(now, this.skips - member.skipsSeen);
        member.skipsSeen = this.skips;
      }
      this.phase = (this.phase + 1) % PHASES;
      this.next += STEP_MS;
      this.afterPhase();
    }
    // One phase at a time, however late it is: what has arrived meanwhile is read in between.
    if (this.members > 0) this.arm();
  };
}

function setTimer(run: () => void, delayMs: number): () => void {
  if (delayMs < SOON_MS) {
    const immediate = setImmediate(run);
    return () => {
      clearImmediate(immediate);
    };
  }
  const timer = setTimeout(run, delayMs);
  return () => {
    clearTimeout(timer);
  };
}
