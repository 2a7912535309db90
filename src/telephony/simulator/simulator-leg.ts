import { type AudioPort } from '../../lib/audio/index.js';
import { checkDigits } from '../../lib/media/index.js';
import { type CallLeg, type LegSignal, type TransferOptions, type TransferResult } from '../provider.js';
import { type SimulatedCall } from './simulated-call.js';
import { type LedgerDial, type LedgerSequel, type SimulatorLedger } from './simulator-ledger.js';
import { scriptFor } from './simulator-numbers.js';
import { type DueSignal, timeline, withEnd, withHangup, withSignal } from './due-signals.js';

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
 * read it from the beginning; where there is audio, whoever carries the line writes into the ledger what happens on it.
 * Signals are pulled: nothing gathers, and no timer runs, while nobody reads.
 */
export class SimulatorLeg implements CallLeg {
  readonly signals: AsyncIterable<LegSignal> = { [Symbol.asyncIterator]: () => this.read() };
  private pending: DueSignal[];
  private taken = false;
  /** Records of the ledger that are taken into account. */
  private applied = 0;
  private isCut = false;
  private ledgerVersion = -1;
  private wake: (() => void) | undefined;

  constructor(
    private readonly dial: LedgerDial,
    private readonly ledger: SimulatorLedger,
    private readonly room: LegRoom,
    /** Its line, where that is in this process. */
    private readonly call?: SimulatedCall,
  ) {
    const script = scriptFor(dial, dial.dialsBefore, dial.carriedBy !== undefined);
    this.pending = timeline(script, Date.parse(dial.at), dial.speed);
  }

  hangup(): Promise<void> {
    return Promise.resolve().then(() => {
      const { reference } = this.dial;
      if (this.room.closed) throw new Error('The simulator is closed');
      if (!this.ledger.hangupOf(reference)) this.ledger.hangup(reference, new Date().toISOString());
      lookAt(this.room, reference);
    });
  }

  /** Undefined where its script does the talking, or its line is in another process. */
  get audio(): AudioPort | undefined {
    return this.call?.audio;
  }

  transfer(to: string, { mode }: TransferOptions): Promise<TransferResult> {
    if (this.call?.transfer(to, mode)) return Promise.resolve({ is: 'connected' });
    return Promise.resolve({ is: 'refused', detail: 'Nobody can be reached there' });
  }

  /** Nobody minds them. Rejects with a RangeError for digits that do not exist. */
  async sendDtmf(digits: string): Promise<void> {
    await Promise.resolve();
    checkDigits(digits);
  }

  /** All that has happened, when the leg is over; undefined while it lives. */
  story(): LegSignal[] | undefined {
    this.learn();
    const now = Date.now();
    const isOver = this.pending.some(({ dueAt, signal }) => signal.type === 'ended' && dueAt <= now);
    return isOver ? this.pending.map(({ signal }) => signal) : undefined;
  }

  /** Has the reader look again, now, for what the ledger or the room has for it. */
  look(): void {
    this.wake?.();
  }

  get reference(): string {
    return this.dial.reference;
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
    for (;;) {
      // With the room, lines end, which is told.
      if (this.room.closed && this.dial.carriedBy === undefined) return undefined;
      this.learn();
      const [first] = this.pending;
      const waitMs = first ? first.dueAt - Date.now() : Infinity;
      if (first && waitMs <= 0) {
        this.pending.shift();
        this.call?.apply(first.signal);
        return first.signal;
      }
      if (this.room.closed) return undefined;
      await this.pause(Math.min(waitMs, LOOK_EVERY_MS));
    }
  }

  /** What the ledger says by now. */
  private learn(): void {
    const { reference } = this.dial;
    const version = this.ledger.version(reference);
    if (version === this.ledgerVersion) return;
    this.ledgerVersion = version;
    const sequel = this.ledger.sequelOf(reference);
    for (const entry of sequel.slice(this.applied)) if (!this.isCut) this.apply(entry);
    this.applied = sequel.length;
  }

  private apply(entry: LedgerSequel): void {
    switch (entry.type) {
      case 'hangup':
        this.pending = withHangup(this.pending, Date.parse(entry.at));
        break;
      case 'lost':
        this.pending = withEnd(this.pending, lostAt(new Date(entry.at)));
        break;
      case 'told':
        this.pending =
          entry.signal.type === 'ended' ? withEnd(this.pending, entry.signal) : withSignal(this.pending, entry.signal);
        break;
    }
    this.isCut = entry.type !== 'told' || entry.signal.type === 'ended';
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

/** Has all readers of a reference look again. */
export function lookAt(room: LegRoom, reference: string): void {
  for (const leg of room.readers) if (leg.reference === reference) leg.look();
}

const lostAt = (at: Date): Extract<LegSignal, { type: 'ended' }> => ({
  ...{ type: 'ended', at, reason: 'error_media_lost', by: 'system', sipCode: null },
  detail: 'The worker that carried the call ended',
});
