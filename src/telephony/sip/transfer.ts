import { type SipRequest } from './sip-message.js';
import { Timer } from './sip-timers.js';

export interface TransferResult {
  accepted: boolean;
  status: number;
}

/** Follows one REFER of ours (RFC 3515). Owns a timer. */
export class Transfer {
  readonly result: Promise<TransferResult>;
  private settle: (result: TransferResult) => void = () => undefined;
  private readonly patience = new Timer();
  private taken = false;

  /** @param patienceMs how long the far end may take to tell how it went */
  constructor(patienceMs: number) {
    this.result = new Promise((resolve) => (this.settle = resolve));
    this.patience.set(patienceMs, () => {
      this.end({ accepted: this.taken, status: this.taken ? 202 : 408 });
    });
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
    else if (/^terminated\b/i.test(headers.get('subscription-state') ?? '')) this.end({ accepted: true, status: 202 });
  }

  /** The call is over. Who has taken the REFER and hangs up has gone where we sent it. */
  callEnded(): void {
    this.end({ accepted: this.taken, status: this.taken ? 202 : 481 });
  }

  private end(result: TransferResult): void {
    this.patience.stop();
    this.settle(result);
  }
}
