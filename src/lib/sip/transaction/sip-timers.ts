import { type SipTimers } from '../sip-types.js';

/** RFC 3261 table 4, and ours. */
export const DEFAULT_TIMERS: Readonly<SipTimers> = {
  t1Ms: 500,
  t2Ms: 4_000,
  t4Ms: 5_000,
  failoverMs: 4_000,
  connectMs: 4_000,
  secondMs: 1_000,
};

/** Timers B, F, H, J, L and M: how long one transaction can take at most. */
export const transactionMs = ({ t1Ms }: SipTimers): number => 64 * t1Ms;

/** One timer that can be set again and again; its owner stops it. */
export class Timer {
  private handle: NodeJS.Timeout | undefined;

  /** Replaces what was set before. */
  set(ms: number, action: () => void): void {
    this.stop();
    this.handle = setTimeout(action, ms);
  }

  stop(): void {
    clearTimeout(this.handle);
  }
}
