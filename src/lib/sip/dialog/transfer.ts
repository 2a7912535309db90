import { type SipRequest } from '../message/sip-message.js';
import { Timer } from '../transaction/sip-timers.js';

/** How long a far end that says no more of a transfer may take to hang up. */
const LAST_WORD_SECONDS = 5;

export interface ReferResult {
  accepted: boolean;
  status: number;
}

/** Follows one REFER of ours (RFC 3515). Owns a timer. */
export class Transfer {
  readonly result: Promise<ReferResult>;
  private settle: (result: ReferResult) => void = () => undefined;
  private readonly timeouts = new Timer();
  private taken = false;
  private settled = false;

  /**
   * @param patienceMs how long the far end may take to tell how it went, or to hang up
   * @param secondMs of its timers
   */
  constructor(
    patienceMs: number,
    private readonly secondMs: number,
  ) {
    this.result = new Promise((resolve) => (this.settle = resolve));
    this.wait(patienceMs);
  }

  /** The far end took the REFER, whatever becomes of it. */
  get wasTaken(): boolean {
    return this.taken;
  }

  /** The final status of the REFER itself. */
  responded(status: number): void {
    if (status >= 200 && status < 300) this.taken = true;
    else this.end({ accepted: false, status });
  }

  /** A NOTIFY about it: `message/sipfrag` holds the status so far. */
  notified({ headers, body }: SipRequest): void {
    if (!/^refer\b/i.test(headers.get('event') ?? '')) return;
    this.taken = true;
    const [, digits] = /^SIP\/2\.0 ([1-6]\d\d)/i.exec(body.toString('utf8', 0, 64)) ?? [];
    const status = Number(digits ?? 0);
    if (status >= 200) this.end({ accepted: status < 300, status });
    // It will not tell how it went; a far end that has gone hangs up now.
    else if (/^terminated\b/i.test(headers.get('subscription-state') ?? ''))
      this.wait(LAST_WORD_SECONDS * this.secondMs);
  }

  /** The far end ended the call. A BYE after an accepted REFER means that the transfer took place. */
  callEnded(): void {
    this.end({ accepted: this.taken, status: this.taken ? 202 : 481 });
  }

  /** Fails the transfer after this time without a NOTIFY or BYE. */
  private wait(ms: number): void {
    if (this.settled) return;
    this.timeouts.set(ms, () => {
      this.end({ accepted: false, status: 408 });
    });
  }

  private end(result: ReferResult): void {
    this.settled = true;
    this.timeouts.stop();
    this.settle(result);
  }
}
