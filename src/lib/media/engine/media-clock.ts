/** What is done once in 20 ms. `skippedTicks`: how many were left out before this one, because the process stood still. */
export type Ticker = (nowMs: number, skippedTicks: number) => void;

const PERIOD_MS = 20;
/** Lines are spread over so many moments of a period, so that none waits for all others. */
const PHASES = 5;
const STEP_MS = PERIOD_MS / PHASES;
/** What is up to this late is made up for, packet by packet; what stood still for longer is left out. */
const MAX_BEHIND_MS = 100;
/** Timers are no finer than a millisecond. */
const SOON_MS = 0.5;

interface Member {
  ticker: Ticker;
  skipsSeen: number;
}

/**
 * One timer for all lines: it aims at multiples of the period from its start, so that lateness never adds up, and a line
 * ticks exactly 50 times a second on average. `now` and `schedule` are given for tests.
 */
export class MediaClock {
  private readonly phases: Set<Member>[] = Array.from({ length: PHASES }, () => new Set());
  private phase = 0;
  private next = 0;
  private skips = 0;
  private members = 0;
  private cancel: (() => void) | undefined;

  constructor(
    /** Called after all of a phase have ticked. */
    private readonly afterPhase: () => void,
    private readonly now: () => number = () => performance.now(),
    private readonly schedule: (run: () => void, delayMs: number) => () => void = setTimer,
  ) {}

  /** Ticks from now on, in the emptiest phase. Returns how to stop. */
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
      const left = Math.floor(behind / PERIOD_MS);
      this.skips += left;
      this.next += left * PERIOD_MS;
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
