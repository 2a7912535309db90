import { Inject, Injectable } from '@nestjs/common';
import { DEFAULT_CARRIER_ID, SIMULATOR_CARRIER } from '../carriers/index.js';
import { TelephonyProviders } from '../telephony/index.js';
import { Batcher, Database, Log, newId, Notifications, singleFlight } from '../lib/platform/index.js';
import { CallCommands, type Environment } from '../calls/index.js';
import {
  admitCalls,
  confirmAsked,
  endedCalls,
  giveBackPace,
  type Limits,
  releaseCall,
  renewLeases,
  takeOverCalls,
  type WaitingCarrier,
  waitingCarriers,
} from './call-queue.js';
import { type CallLease, CallRunner, type CallRunnerOptions, type CallSessions } from './call-dialer.js';
import { type LegFollower } from './leg-follower.js';
import { Sessions } from '../sessions/index.js';

export interface DispatcherOptions extends CallRunnerOptions {
  limits: Limits;
  /** How long a call stays ours without a sign of life. */
  leaseMs: number;
  /** Whether the settings have a carrier for numbers without one. */
  hasDefaultCarrier?: boolean;
}

/** Injects the options of the dispatcher. */
export const DISPATCHER_OPTIONS = Symbol('dispatcher options');

/** A call that this worker has in hand. */
interface Hand {
  /** From when a provider has it. */
  call?: LegFollower;
  /** Another worker has taken it over. */
  isLost: boolean;
  /** A provider has been asked for it, or may have been by whoever had it before. */
  isAsked: boolean;
  /** It counts for the pace of its carrier: by the settings, or by a limit of the carrier's own. */
  isPaced: boolean;
}

/** The most calls taken out of the line at once. */
const BATCH = 200;
const ENVIRONMENTS = ['live', 'test'] as const;
const NO_LIMITS: Limits = { callsPerOrganization: 0, callsPerNumber: 0, callsPerSecond: 0 };

/**
 * Takes calls out of the line and carries each to its end. Every step survives a crash: a call is held by a lease, an
 * attempt is claimed by an event before the provider is asked, and what a dead worker leaves is taken over.
 */
@Injectable()
export class Dispatcher {
  /** Names this worker as a holder of calls. */
  readonly owner = newId();
  private readonly runner: CallRunner;
  private readonly inHand = new Map<string, Hand>();
  private readonly underWay = new Set<Promise<void>>();
  private readonly admitOnce = singleFlight(() => this.admitAll());
  private readonly confirmations = new Batcher<string, undefined>(
    async (callIds) => {
      await confirmAsked(this.database, callIds);
      return callIds.map(() => undefined);
    },
    { maxBatch: BATCH, maxInFlight: 1 },
  );
  private stopped = false;
  private readonly stopping = new AbortController();
  private retryTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    calls: CallCommands,
    @Inject(TelephonyProviders) private readonly providers: Pick<TelephonyProviders, 'for' | 'close'>,
    private readonly wakeups: Notifications,
    private readonly log: Log,
    @Inject(DISPATCHER_OPTIONS) private readonly options: DispatcherOptions,
    @Inject(Sessions) sessions: CallSessions | undefined,
  ) {
    this.runner = new CallRunner(database, calls, providers, wakeups, log, options, sessions);
  }

  /** There may be calls that can be dialled now. Resolves when those that could have been admitted. */
  admit(): Promise<void> {
    return this.admitOnce();
  }

  /**
   * Renews the leases of the calls in hand, and lets go of those that others hold or that have ended. What this worker
   * is said to hold but does not know, or could not carry on, is not renewed: it is taken over.
   */
  async renew(): Promise<void> {
    const hands = [...this.inHand];
    if (hands.length === 0) return;
    const callIds = hands.map(([callId]) => callId);
    const held = await renewLeases(this.database, this.owner, callIds, this.options.leaseMs);
    for (const [callId, hand] of hands)
      if (!held.has(callId)) {
        hand.isLost = true;
        void hand.call?.letGo();
      } else if (held.get(callId)) void hand.call?.hangUp();
  }

  /** Hangs up calls that were ended by a command, in this process or another. */
  async hangUpEnded(): Promise<void> {
    if (this.inHand.size === 0) return;
    for (const callId of await endedCalls(this.database, this.owner)) void this.inHand.get(callId)?.call?.hangUp();
  }

  /** Takes over what other workers have lost. */
  async takeOver(): Promise<void> {
    if (this.stopped) return;
    const callIds = await takeOverCalls(this.database, this.owner, this.options.leaseMs, BATCH);
    for (const callId of callIds)
      // One that was late to be renewed is simply ours again.
      if (!this.inHand.has(callId))
        this.carry(callId, (hold) => this.runner.resume(callId, hold), { isAsked: true, isPaced: false });
  }

  /** Takes no more calls and lets go of those in hand: others take them over when the leases have been given up. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.stopping.abort();
    clearTimeout(this.retryTimer);
    await this.admit();
    for (const { call } of this.inHand.values()) call?.abandon();
    await Promise.all(this.underWay);
    await this.providers.close();
    await this.database
      .query('update live_calls set lease_until = clock_timestamp() where owner = $1', [this.owner])
      .catch((error: unknown) => {
        this.log.warn({ err: error }, 'the calls in hand could not be given up; their leases will run out');
      });
  }

  private async admitAll(): Promise<void> {
    for (const environment of ENVIRONMENTS) await this.admitFrom(environment);
  }

  private async admitFrom(environment: Environment): Promise<void> {
    for (const carrier of await this.carriers(environment)) {
      const limits = { ...this.options.limits, ...carrier.limits };
      const hand = { isAsked: false, isPaced: limits.callsPerSecond > 0 };
      for (let isFull = true; isFull && !this.stopped;) {
        const { callIds, retryInMs } = await admitCalls(this.database, {
          owner: this.owner,
          environment,
          carrier: carrier.id,
          leaseMs: this.options.leaseMs,
          limits,
          most: BATCH,
        });
        for (const callId of callIds) this.carry(callId, (hold) => this.runner.dial(callId, hold), hand);
        if (retryInMs !== undefined) this.admitLater(retryInMs);
        isFull = callIds.length === BATCH;
      }
    }
  }

  /** The carriers that calls wait for. Simulated calls have one; calls that nothing can carry end without waiting. */
  private async carriers(environment: Environment): Promise<WaitingCarrier[]> {
    if (environment === 'test') return [{ id: SIMULATOR_CARRIER.id, limits: {} }];
    const carriers = await waitingCarriers(this.database);
    if (this.options.hasDefaultCarrier) return carriers;
    return carriers.map((carrier) => (carrier.id === DEFAULT_CARRIER_ID ? { ...carrier, limits: NO_LIMITS } : carrier));
  }

  private admitLater(ms: number): void {
    clearTimeout(this.retryTimer);
    if (this.stopped) return;
    this.retryTimer = setTimeout(() => {
      this.admit().catch((error: unknown) => {
        this.log.error({ err: error }, 'admission failed; it is tried again soon');
      });
    }, ms);
  }

  /** Runs what is to be done with a call in hand, and frees its place afterwards. */
  private carry(
    callId: string,
    work: (hold: CallLease) => Promise<void>,
    begun: Pick<Hand, 'isAsked' | 'isPaced'>,
  ): void {
    const hand: Hand = { isLost: false, ...begun };
    this.inHand.set(callId, hand);
    const carried = work({
      isWanted: () => !this.stopped && !hand.isLost,
      signal: this.stopping.signal,
      asked: () => {
        hand.isAsked = true;
        if (hand.isPaced)
          this.track(this.confirmations.submit(callId), callId, 'the pace is kept too slow for a while');
      },
      followed: (call) => {
        hand.call = call;
        if (this.stopped || hand.isLost) call.abandon();
      },
    })
      .then(() => (this.stopped ? undefined : this.release(callId, hand)))
      .finally(() => {
        if (this.inHand.get(callId) === hand) this.inHand.delete(callId);
      });
    // Its lease runs out, and then it is taken over like that of a dead worker.
    this.track(carried, callId, 'a call could not be carried on; it will be taken over');
  }

  private async release(callId: string, { isAsked, isPaced }: Hand): Promise<void> {
    if (isPaced && !isAsked) await giveBackPace(this.database, callId);
    await releaseCall(this.database, this.owner, callId);
    this.wakeups.wake('call_slots');
  }

  /** Keeps what is going on until it has ended; a failure is told to the log. */
  private track(work: Promise<unknown>, callId: string, failure: string): void {
    const tracked = work
      .then(
        () => undefined,
        (error: unknown) => {
          this.log.error({ err: error, callId }, failure);
        },
      )
      .finally(() => this.underWay.delete(tracked));
    this.underWay.add(tracked);
  }
}
