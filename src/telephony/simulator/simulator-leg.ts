import { type AudioPort } from '../../lib/audio/index.js';
import { checkDigits } from '../../lib/media/index.js';
import { type CallLeg, type LegSignal, type TransferOptions, type TransferResult } from '../provider.js';
import { type DueSignal, dueSignals, withEnd, withHangup, withSignal } from './due-signals.js';
import { type LegReader, type LegReaders } from './leg-readers.js';
import { type SimulatedCall } from './simulated-call.js';
import { type LedgerChange, type LedgerDial, type SimulatorLedger } from './simulator-ledger.js';
import { timedSignalsFor } from './simulator-numbers.js';

/** Longest time until a hang-up by another process is noticed. */
const REFRESH_EVERY_MS = 1_000;

/**
 * One reader's view of a simulated leg. Signals follow from the ledger and the clock alone, so that any process can read
 * them from the beginning; for a leg with audio, the process that carries the line records its signals in the ledger.
 * Signals are pulled: no timer runs while nothing reads them.
 */
export class SimulatorLeg implements CallLeg, LegReader {
  readonly signals: AsyncIterable<LegSignal> = { [Symbol.asyncIterator]: () => this.read() };
  private pending: DueSignal[];
  private isTaken = false;
  /** How many changes of the ledger are applied. */
  private applied = 0;
  private hasRecordedEnd = false;
  private ledgerVersion = -1;
  private wake: (() => void) | undefined;

  constructor(
    private readonly dial: LedgerDial,
    private readonly ledger: SimulatorLedger,
    private readonly readers: LegReaders,
    /** Its line, if this process carries it. */
    private readonly call?: SimulatedCall,
  ) {
    const signals = timedSignalsFor(dial, dial.dialsBefore, dial.carriedBy !== undefined);
    this.pending = dueSignals(signals, Date.parse(dial.at), dial.speed);
  }

  get attemptId(): string {
    return this.dial.reference;
  }

  hangup(): Promise<void> {
    return Promise.resolve().then(() => {
      if (this.readers.isClosed) throw new Error('The simulator is closed');
      if (!this.ledger.hangupOf(this.attemptId)) this.ledger.recordHangup(this.attemptId, new Date().toISOString());
      this.readers.refresh(this.attemptId);
    });
  }

  /** Undefined for a scripted leg, and for a line that another process carries. */
  get audio(): AudioPort | undefined {
    return this.call?.audio;
  }

  transfer(to: string, { mode }: TransferOptions): Promise<TransferResult> {
    if (this.call?.transfer(to, mode)) return Promise.resolve({ status: 'connected' });
    return Promise.resolve({ status: 'refused', detail: 'Nobody can be reached there' });
  }

  /** Checks the digits only. @throws RangeError for a digit that does not exist */
  async sendDtmf(digits: string): Promise<void> {
    await Promise.resolve();
    checkDigits(digits);
  }

  /** All signals of a leg that has ended; undefined while it is open. */
  signalsIfEnded(): LegSignal[] | undefined {
    this.applyLedger();
    const now = Date.now();
    const hasEnded = this.pending.some(({ dueAt, signal }) => signal.type === 'ended' && dueAt <= now);
    return hasEnded ? this.pending.map(({ signal }) => signal) : undefined;
  }

  refresh(): void {
    this.wake?.();
  }

  private read(): AsyncGenerator<LegSignal, void> {
    if (this.isTaken) throw new Error('The signals of a leg are read once');
    this.isTaken = true;
    return this.readAll();
  }

  private async *readAll(): AsyncGenerator<LegSignal, void> {
    this.readers.add(this);
    try {
      for (;;) {
        const signal = await this.next();
        if (signal) yield signal;
        if (!signal || signal.type === 'ended') return;
      }
    } finally {
      this.readers.delete(this);
    }
  }

  /** The next signal once it is due; undefined when the simulator closes. */
  private async next(): Promise<LegSignal | undefined> {
    for (;;) {
      // The close of the simulator ends legs with audio: their readers still get the end.
      if (this.readers.isClosed && this.dial.carriedBy === undefined) return undefined;
      this.applyLedger();
      const [first] = this.pending;
      const waitMs = first ? first.dueAt - Date.now() : Infinity;
      if (first && waitMs <= 0) {
        this.pending.shift();
        this.call?.apply(first.signal);
        return first.signal;
      }
      if (this.readers.isClosed) return undefined;
      await this.pause(Math.min(waitMs, REFRESH_EVERY_MS));
    }
  }

  /** Applies the changes that the ledger has recorded since the last time. */
  private applyLedger(): void {
    const version = this.ledger.version(this.attemptId);
    if (version === this.ledgerVersion) return;
    this.ledgerVersion = version;
    const changes = this.ledger.changesOf(this.attemptId);
    for (const change of changes.slice(this.applied)) if (!this.hasRecordedEnd) this.apply(change);
    this.applied = changes.length;
  }

  private apply(change: LedgerChange): void {
    switch (change.type) {
      case 'hangup':
        this.pending = withHangup(this.pending, Date.parse(change.at));
        break;
      case 'lost':
        this.pending = withEnd(this.pending, lostAt(new Date(change.at)));
        break;
      case 'told':
        this.pending =
          change.signal.type === 'ended'
            ? withEnd(this.pending, change.signal)
            : withSignal(this.pending, change.signal);
        break;
    }
    this.hasRecordedEnd = change.type !== 'told' || change.signal.type === 'ended';
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

const lostAt = (at: Date): Extract<LegSignal, { type: 'ended' }> => ({
  type: 'ended',
  at,
  reason: 'error_media_lost',
  by: 'system',
  sipCode: null,
  detail: 'The worker that carried the call ended',
});
