import { performance } from 'node:perf_hooks';

/** Time as the conversation sees it, so that tests can make their own. */
export interface Clock {
  /** Milliseconds since whenever, never going back. */
  now(): number;
  /** Calls `run` once, `ms` milliseconds later. Returns how to call it off. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};
