import { type CallLeg, type LegSignal, type TransferResult } from '../telephony-provider.js';
import { type LedgerDial, type SimulatorLedger } from './simulator-ledger.js';
import { scriptFor } from './simulator-script.js';
import { type DueSignal, timeline, withHangup } from './simulator-timeline.js';

/** How long a hang-up by another process may go unnoticed while nothing else happens. */
const LOOK_EVERY_MS = 1_000;

/** What the legs of one process share. */
export interface LegRoom {
  /** No more is told and nothing more is asked for. */
  closed: boolean;
  /** Legs that are being read. */
  readers: Set<SimulatorLeg>;
}

/**
 * One reader's part of a simulated leg. What happens follows from the ledger and the clock alone, so any process can
 * read it from the beginning. Signals are pulled: nothing gathers, and no timer runs, while nobody reads.
 */
export class SimulatorLeg implements CallLeg {
  readonly signals: AsyncIterable<LegSignal> = { [Symbol.asyncIterator]: () => this.read() };
  private pending: DueSignal[];
  private taken = false;
  private hungUp = false;
  private ledgerVersion = -1;
  private wake: (() => void) | undefined;

  constructor(
    private readonly dial: LedgerDial,
    private readonly ledger: SimulatorLedger,
    private readonly room: LegRoom,
  ) {
    this.pending = timeline(scriptFor(dial, dial.dialsBefore), Date.parse(dial.at), dial.speed);
  }

  hangup(): Promise<void> {
    return Promise.resolve().then(() => {
      const { reference } = this.dial;
      if (this.room.closed) throw new Error('The simulator is closed');
      if (!this.ledger.hangupOf(reference)) this.ledger.hangup(reference, new Date().toISOString());
      for (const leg of this.room.readers) if (leg.dial.reference === reference) leg.look();
    });
  }

  /** Its scripts do the talking. */
  readonly audio = undefined;

  transfer(): Promise<TransferResult> {
    return Promise.resolve({ is: 'refused', detail: 'Test calls cannot be transferred' });
  }

  /** Nobody hears them. */
  sendDtmf(): Promise<void> {
    return Promise.resolve();
  }

  /** All that has happened, when the leg is over; undefined while it lives. */
  story(): LegSignal[] | undefined {
    this.learnOfHangup();
    const now = Date.now();
    const isOver = this.pending.some(({ dueAt, signal }) => signal.type === 'ended' && dueAt <= now);
    return isOver ? this.pending.map(({ signal }) => signal) : undefined;
  }

  /** Has the reader look again, now, for what the ledger or the room has for it. */
  look(): void {
    this.wake?.();
  }

  private read(): AsyncGenerator<LegSignal, void> {
    if (this.taken) throw new Error('The signals of a leg are read once');
    this.taken = true;
    return this.tell();
  }

  private async *tell(): AsyncGenerator<LegSignal, void> {
    this.room.readers.add(this);
    try {
      for (;;) {
        const signal = await this.next();
        if (signal) yield signal;
        if (!signal || signal.type === 'ended') return;
      }
    } finally {
      this.room.readers.delete(this);
    }
  }

  /** The next signal once it is due; undefined when the room closes. */
  private async next(): Promise<LegSignal | undefined> {
    while (!this.room.closed) {
      this.learnOfHangup();
      const [first] = this.pending;
      const waitMs = first ? first.dueAt - Date.now() : Infinity;
      if (first && waitMs <= 0) {
        this.pending.shift();
        return first.signal;
      }
      await this.pause(Math.min(waitMs, LOOK_EVERY_MS));
    }
    return undefined;
  }

  private learnOfHangup(): void {
    const { reference } = this.dial;
    if (this.hungUp) return;
    const version = this.ledger.version(reference);
    if (version === this.ledgerVersion) return;
    this.ledgerVersion = version;
    const hangup = this.ledger.hangupOf(reference);
    if (!hangup) return;
    this.hungUp = true;
    this.pending = withHangup(this.pending, Date.parse(hangup.at));
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      function done() {
        clearTimeout(timer);
        resolve();
      }
      this.wake = done;
    });
  }
}
