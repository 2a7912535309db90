import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type CallLeg, type DialRequest, type FoundLeg, type TelephonyProvider } from '../provider.js';
import { LegReaders } from './leg-readers.js';
import { SimulatedCall, type SimulatorVoice } from './simulated-call.js';
import { SimulatorClock } from './simulator-clock.js';
import { type LedgerDial, SimulatorLedger } from './simulator-ledger.js';
import { SimulatorLeg } from './simulator-leg.js';
import { countsDials, farEndFor } from './simulator-numbers.js';

export interface SimulatorOptions {
  /** The folder of the ledger, shared by all processes of this simulated carrier. */
  ledgerFolder: string;
  /** Speed of calls dialled here, in multiples of real time; with `Infinity` all of a call happens at once. */
  speed?: number;
  /**
   * Gives calls of up to 20 times real time a line with audio and a far end that converses. Without it, or faster, calls
   * are scripted: they deliver turns and have no audio. Load tests need that.
   */
  voice?: SimulatorVoice | undefined;
}

/** Injects the options of the simulator. */
export const SIMULATOR_OPTIONS = Symbol('simulator options');

/** Above this speed, 20 ms of audio take less than the resolution of timers, 1 ms. */
const MAX_SPEED_WITH_AUDIO = 20;

/**
 * The carrier of test mode. The dialled number decides how a call goes; no network is touched. Any process can read a
 * scripted leg. A line with audio lives and dies with the process that dialled, as over SIP (ADR 5).
 */
@Injectable()
export class SimulatorProvider implements TelephonyProvider {
  readonly name = 'simulator';
  /** The time of its lines; conversations on them must use it. */
  readonly clock: SimulatorClock;
  private readonly ledger: SimulatorLedger;
  private readonly speed: number;
  private readonly voice: SimulatorVoice | undefined;
  private readonly readers = new LegReaders();
  /** Tells the lines of this provider from those of other processes. */
  private readonly run = randomUUID();
  private readonly calls = new Map<string, { call: SimulatedCall; ended: Promise<void> }>();

  constructor(@Inject(SIMULATOR_OPTIONS) { ledgerFolder, speed = 1, voice }: SimulatorOptions) {
    if (!(speed > 0)) throw new RangeError('The speed of the simulator must be above 0');
    this.ledger = new SimulatorLedger(ledgerFolder);
    this.speed = speed;
    this.voice = speed <= MAX_SPEED_WITH_AUDIO ? voice : undefined;
    this.clock = new SimulatorClock(speed);
  }

  /** Whether its calls have lines with audio. */
  get hasAudio(): boolean {
    return this.voice !== undefined;
  }

  dial(request: DialRequest): Promise<CallLeg> {
    return this.whileOpen(() => {
      const { attemptId, callId, to, from, ringTimeoutMs, maxDurationMs } = request;
      const dialsBefore = countsDials(to) ? this.ledger.dialsBefore(callId, attemptId) : 0;
      const claim = this.ledger.claim({
        type: 'dial',
        reference: attemptId,
        callId,
        to,
        from,
        ringTimeoutMs,
        maxDurationMs,
        at: new Date().toISOString(),
        speed: this.speed,
        dialsBefore,
        carriedBy: this.voice && farEndFor(to, dialsBefore) ? this.run : undefined,
      });
      if (claim.type === 'never') throw new Error('The attempt was looked up before its dial: it is refused');
      this.openLine(claim);
      return this.legOf(claim);
    });
  }

  find(attemptId: string): Promise<FoundLeg> {
    return this.whileOpen(() => {
      const at = new Date().toISOString();
      const claim = this.ledger.claimOf(attemptId) ?? this.ledger.claim({ type: 'never', reference: attemptId, at });
      if (claim.type === 'never') return { status: 'never' };
      if (claim.carriedBy !== undefined && claim.carriedBy !== this.run) return this.takeOver(claim);
      const signals = this.legOf(claim).signalsIfEnded();
      return signals ? { status: 'ended', signals } : { status: 'open', leg: this.legOf(claim) };
    });
  }

  /** Ends the lines of this process; scripted legs go on without it. */
  async close(): Promise<void> {
    const detail = 'The worker that carried the call was stopped';
    for (const { call } of this.calls.values())
      call.end({ reason: 'error_media_lost', by: 'system', sipCode: null, detail });
    this.readers.close();
    await Promise.all([...this.calls.values()].map(({ ended }) => ended));
  }

  /** Opens the line of a leg that this run carries, once. */
  private openLine(dial: LedgerDial): void {
    const { reference: attemptId, to, dialsBefore } = dial;
    const farEnd = farEndFor(to, dialsBefore);
    if (!this.voice || !farEnd || dial.carriedBy !== this.run || this.calls.has(attemptId)) return;
    if (this.legOf(dial).signalsIfEnded()) return;
    const call = new SimulatedCall({
      farEnd,
      clock: this.clock,
      voice: this.voice,
      emit: (signal) => {
        this.ledger.recordSignal(attemptId, signal);
        this.readers.refresh(attemptId);
      },
    });
    const carried = { call, ended: Promise.resolve() };
    this.calls.set(attemptId, carried);
    carried.ended = this.readToEnd(attemptId, call, this.legOf(dial));
  }

  /** Reads a leg to its end, so that its line follows the signals even without another reader. */
  private async readToEnd(attemptId: string, call: SimulatedCall, leg: SimulatorLeg): Promise<void> {
    try {
      for await (const { type } of leg.signals) if (type === 'ended') break;
    } catch {
      // A ledger that cannot be read fails for every reader of the leg, and those report it.
    } finally {
      call.close();
      this.calls.delete(attemptId);
    }
  }

  /**
   * Records the loss of a line that another process carries or carried. This simulator knows whether the leg was
   * answered; a provider over SIP would not, and test mode promises no more than live calls keep: the outcome of an
   * unanswered attempt is unknown, and it is never dialled again.
   */
  private takeOver(dial: LedgerDial): FoundLeg {
    const attemptId = dial.reference;
    if (!this.legOf(dial).signalsIfEnded()) {
      this.ledger.recordLoss(attemptId, new Date().toISOString());
      this.readers.refresh(attemptId);
    }
    const signals = this.legOf(dial).signalsIfEnded() ?? [];
    const isAnswered = signals.some(({ type }) => type === 'answered');
    const isLost = this.ledger.endOf(attemptId)?.type === 'lost';
    return isLost && !isAnswered ? { status: 'unknown' } : { status: 'ended', signals };
  }

  private legOf(dial: LedgerDial): SimulatorLeg {
    return new SimulatorLeg(dial, this.ledger, this.readers, this.calls.get(dial.reference)?.call);
  }

  /** The work is synchronous; an error becomes a rejection. */
  private whileOpen<T>(work: () => T): Promise<T> {
    return Promise.resolve().then(() => {
      if (this.readers.isClosed) throw new Error('The simulator is closed');
      return work();
    });
  }
}
