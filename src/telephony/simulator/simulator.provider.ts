import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type CallLeg, type DialRequest, type FoundLeg, type TelephonyProvider } from '../provider.js';
import { SimulatedCall, type SimulatorVoice } from './simulated-call.js';
import { SimulatorClock } from './simulator-clock.js';
import { type LedgerDial, SimulatorLedger } from './simulator-ledger.js';
import { type LegRoom, lookAt, SimulatorLeg } from './simulator-leg.js';
import { countsDials, farEndFor } from './simulator-numbers.js';

export interface SimulatorOptions {
  /** Where all processes that share this simulated carrier keep its ledger. */
  ledgerFolder: string;
  /** How much faster than real time calls go that are dialled here; `Infinity` makes all of a call happen at once. */
  speed?: number;
  /**
   * With it, and up to 20 times real time, calls are talked on: a line with audio, and somebody at its far end. Without
   * it, or faster, they go by scripts that tell turns, and there is no audio: load tests count on it.
   */
  voice?: SimulatorVoice | undefined;
}

/** Injects the options of the simulator. */
export const SIMULATOR_OPTIONS = Symbol('simulator options');

/** Faster than this, 20 ms of audio are less than the millisecond that timers can tell. */
const FASTEST_WITH_AUDIO = 20;

/**
 * The carrier of test mode: calls go by the number dialled, and no network is ever touched. What follows a script can be
 * told by any process. A line with audio lives and dies with the process that dialled it, as with SIP (ADR 5).
 */
@Injectable()
export class SimulatorProvider implements TelephonyProvider {
  readonly name = 'simulator';
  /** The time of its lines, for whoever converses on them. */
  readonly clock: SimulatorClock;
  private readonly ledger: SimulatorLedger;
  private readonly speed: number;
  private readonly voice: SimulatorVoice | undefined;
  private readonly room: LegRoom = { closed: false, readers: new Set() };
  /** Tells the lines of this run of a process from those of others. */
  private readonly run = randomUUID();
  private readonly calls = new Map<string, { call: SimulatedCall; over: Promise<void> }>();

  constructor(@Inject(SIMULATOR_OPTIONS) { ledgerFolder, speed = 1, voice }: SimulatorOptions) {
    if (!(speed > 0)) throw new RangeError('The speed of the simulator must be above 0');
    this.ledger = new SimulatorLedger(ledgerFolder);
    this.speed = speed;
    this.voice = speed <= FASTEST_WITH_AUDIO ? voice : undefined;
    this.clock = new SimulatorClock(speed);
  }

  /** Whether there is a line with audio in its calls. */
  get hasAudio(): boolean {
    return this.voice !== undefined;
  }

  dial(request: DialRequest): Promise<CallLeg> {
    return this.whileOpen(() => {
      const { attemptId: reference, callId, to, from, ringTimeoutMs, maxDurationMs } = request;
      const dialsBefore = countsDials(to) ? this.ledger.dialsBefore(callId, reference) : 0;
      const carriedBy = this.voice && farEndFor(to, dialsBefore) ? this.run : undefined;
      const asked = { reference, callId, to, from, ringTimeoutMs, maxDurationMs };
      const at = new Date().toISOString();
      const first = this.ledger.claim({ type: 'dial', ...asked, at, speed: this.speed, dialsBefore, carriedBy });
      if (first.type === 'never') throw new Error('The simulator was asked about this reference before: it is refused');
      this.carry(first);
      return this.legOf(first);
    });
  }

  find(reference: string): Promise<FoundLeg> {
    return this.whileOpen(() => {
      const at = new Date().toISOString();
      const first = this.ledger.first(reference) ?? this.ledger.claim({ type: 'never', reference, at });
      if (first.type === 'never') return { is: 'never' };
      if (first.carriedBy !== undefined && first.carriedBy !== this.run) return this.takeOver(first);
      const signals = this.legOf(first).story();
      return signals ? { is: 'over', signals } : { is: 'live', leg: this.legOf(first) };
    });
  }

  /** Scripts go on without this process; its lines end. */
  async close(): Promise<void> {
    const detail = 'The worker that carried the call was stopped';
    for (const { call } of this.calls.values())
      call.end({ reason: 'error_media_lost', by: 'system', sipCode: null, detail });
    this.room.closed = true;
    for (const leg of this.room.readers) leg.look();
    await Promise.all([...this.calls.values()].map(({ over }) => over));
  }

  /** Opens the line of a leg that is this run's to carry, once. */
  private carry(dial: LedgerDial): void {
    const { reference, to, dialsBefore } = dial;
    const farEnd = farEndFor(to, dialsBefore);
    if (!this.voice || !farEnd || dial.carriedBy !== this.run || this.calls.has(reference)) return;
    if (this.legOf(dial).story()) return;
    const call = new SimulatedCall({
      ...{ farEnd, clock: this.clock, voice: this.voice },
      tell: (signal) => {
        this.ledger.tell(reference, signal);
        lookAt(this.room, reference);
      },
    });
    const carried = { call, over: Promise.resolve() };
    this.calls.set(reference, carried);
    carried.over = this.follow(reference, call, this.legOf(dial));
  }

  /** Reads a leg to its end, so that its line goes by it, whoever else does. */
  private async follow(reference: string, call: SimulatedCall, leg: SimulatorLeg): Promise<void> {
    try {
      for await (const { type } of leg.signals) if (type === 'ended') break;
    } catch {
      // A ledger that cannot be read fails whoever else reads the leg, too.
    } finally {
      call.close();
      this.calls.delete(reference);
    }
  }

  /**
   * What becomes of a leg whose line is in another process, which has lost it to us, or is gone. It is written down, so
   * that all agree. Whether anybody had answered this carrier would know; one over SIP would not, and test mode promises
   * nothing that live calls do not keep: what was not answered yet is unknown, and never dialled again.
   */
  private takeOver(dial: LedgerDial): FoundLeg {
    if (!this.legOf(dial).story()) {
      this.ledger.lose(dial.reference, new Date().toISOString());
      lookAt(this.room, dial.reference);
    }
    const signals = this.legOf(dial).story() ?? [];
    const isAnswered = signals.some(({ type }) => type === 'answered');
    const isLost = this.ledger.endingOf(dial.reference)?.type === 'lost';
    return isLost && !isAnswered ? { is: 'unknown' } : { is: 'over', signals };
  }

  private legOf(dial: LedgerDial): SimulatorLeg {
    return new SimulatorLeg(dial, this.ledger, this.room, this.calls.get(dial.reference)?.call);
  }

  /** Everything is synchronous inside; what is thrown becomes a rejection. */
  private whileOpen<T>(work: () => T): Promise<T> {
    return Promise.resolve().then(() => {
      if (this.room.closed) throw new Error('The simulator is closed');
      return work();
    });
  }
}
