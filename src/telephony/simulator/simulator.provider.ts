import { type CallLeg, type DialRequest, type FoundLeg, type TelephonyProvider } from '../telephony-provider.js';
import { type LedgerDial, SimulatorLedger } from './simulator-ledger.js';
import { type LegRoom, SimulatorLeg } from './simulator-leg.js';
import { countsDials } from './simulator-script.js';

export interface SimulatorOptions {
  /** Where all processes that share this simulated carrier keep its ledger. */
  ledgerFolder: string;
  /** How much faster than real time calls go that are dialled here; `Infinity` makes all of a call happen at once. */
  speed?: number;
}

/** The carrier of test mode: calls go by the script of the number dialled, and no network is ever touched. */
export class SimulatorProvider implements TelephonyProvider {
  readonly name = 'simulator';
  private readonly ledger: SimulatorLedger;
  private readonly speed: number;
  private readonly room: LegRoom = { closed: false, readers: new Set() };

  constructor({ ledgerFolder, speed = 1 }: SimulatorOptions) {
    if (!(speed > 0)) throw new RangeError('The speed of the simulator must be above 0');
    this.ledger = new SimulatorLedger(ledgerFolder);
    this.speed = speed;
  }

  dial(request: DialRequest): Promise<CallLeg> {
    return this.whileOpen(() => {
      const { reference, callId, to, from, ringTimeoutMs, maxDurationMs } = request;
      const dialsBefore = countsDials(to) ? this.ledger.dialsBefore(callId, reference) : 0;
      const asked = { reference, callId, to, from, ringTimeoutMs, maxDurationMs };
      const at = new Date().toISOString();
      const first = this.ledger.claim({ type: 'dial', ...asked, at, speed: this.speed, dialsBefore });
      if (first.type === 'never') throw new Error('The simulator was asked about this reference before: it is refused');
      return this.legOf(first);
    });
  }

  find(reference: string): Promise<FoundLeg> {
    return this.whileOpen(() => {
      const at = new Date().toISOString();
      const first = this.ledger.first(reference) ?? this.ledger.claim({ type: 'never', reference, at });
      if (first.type === 'never') return { is: 'never' };
      const signals = this.legOf(first).story();
      return signals ? { is: 'over', signals } : { is: 'live', leg: this.legOf(first) };
    });
  }

  close(): Promise<void> {
    this.room.closed = true;
    for (const leg of this.room.readers) leg.look();
    return Promise.resolve();
  }

  private legOf(dial: LedgerDial): SimulatorLeg {
    return new SimulatorLeg(dial, this.ledger, this.room);
  }

  /** Everything is synchronous inside; what is thrown becomes a rejection. */
  private whileOpen<T>(work: () => T): Promise<T> {
    return Promise.resolve().then(() => {
      if (this.room.closed) throw new Error('The simulator is closed');
      return work();
    });
  }
}
