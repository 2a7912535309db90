import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Database, Log, withTimeout } from '../lib/platform/index.js';
import { type CallCommand, CallCommands, type CallState, countDeferrals, lastAttempt } from '../calls/index.js';
import { type SessionPlan } from '../sessions/index.js';
import { type CallLeg, endedLeg, type FoundLeg, TelephonyProviders } from '../telephony/index.js';
import { type CallLease } from './call-lease.js';
import { DIALING_CAUSE } from './dialing-cause.js';
import { LegFollowerFactory } from './leg-follower-factory.js';
import { redialAt } from './redial-delay.js';

type AttemptState = Extract<CallState, { status: 'dialing' | 'connected' }>;

/** An attempt that this worker has dialled without a result. */
interface OwnAttempt {
  claim: string;
  plan: SessionPlan | undefined;
}

/** With the lease and the interval of take-overs, the outcome of a lost call is settled within 30 s. */
const FIND_ATTEMPTS = 3;
const FIND_MS = 3_000;
const FIND_AGAIN_MS = 500;
/** Deferrals of a call by a carrier that refuses to be asked. */
const MAX_REFUSED = 5;
const REFUSED = 'The carrier could not be asked';
const NEVER_DIALLED = 'The worker ended before it asked the carrier';

/** Carries on with an attempt whose outcome is not known, by the events of the call and the look-up of the provider. */
@Injectable()
export class AttemptRecovery {
  constructor(
    private readonly database: Database,
    private readonly calls: CallCommands,
    @Inject(TelephonyProviders) private readonly providers: Pick<TelephonyProviders, 'for'>,
    private readonly followers: LegFollowerFactory,
    private readonly log: Log,
  ) {}

  /** @param own the attempt that this worker has dialled; otherwise another worker has left the call */
  async recover(callId: string, lease: CallLease, own?: OwnAttempt): Promise<void> {
    const state = await this.calls.stateOf(callId);
    if (state.status === 'ended') return this.hangUpLastAttempt(callId);
    if (state.status !== 'dialing' && state.status !== 'connected') return;
    if (own && own.claim !== state.claim) return;
    const found = await this.find(state.provider, state.claim);
    if (found.status === 'open') return this.carryOn(callId, state, found.leg, lease, own?.plan);
    if (found.status === 'ended') {
      await lease.follow(this.followers.create(callId, state.claim, endedLeg(found.signals)), startedAtOf(state));
      // Signals without an end leave the call as it is.
      return this.endUnknown(callId, state);
    }
    if (found.status === 'never' && state.status === 'dialing')
      return this.requeue(callId, state, own ? 'refused' : 'lost');
    return this.endUnknown(callId, state);
  }

  /** How often the call was deferred, for one reason or for any. */
  countDeferrals(callId: string, reason?: string): Promise<number> {
    return countDeferrals(this.database, callId, reason);
  }

  private async carryOn(
    callId: string,
    state: AttemptState,
    leg: CallLeg,
    lease: CallLease,
    plan: SessionPlan | undefined,
  ): Promise<void> {
    const follower = this.followers.create(callId, state.claim, leg, plan);
    if (!leg.audio || plan) return lease.follow(follower, startedAtOf(state));
    // Without the plan of the agent nothing can speak on the line.
    await follower.handOver();
    return this.endUnknown(callId, state);
  }

  /** Looks an attempt up. The outcome at a provider that does not answer is unknown. */
  private async find(provider: string, claim: string): Promise<FoundLeg> {
    for (let attempt = 1; attempt <= FIND_ATTEMPTS; attempt++) {
      try {
        return await withTimeout(FIND_MS, 'looking up a call', this.providers.for(provider).find(claim));
      } catch (error) {
        this.log.warn({ err: error, claim, attempt }, 'the provider could not look up an attempt');
      }
      if (attempt < FIND_ATTEMPTS) await delay(FIND_AGAIN_MS);
    }
    return { status: 'unknown' };
  }

  /** Defers a call whose phone did not ring and will not: the attempt does not count. */
  private async requeue(callId: string, { claim }: AttemptState, why: 'refused' | 'lost'): Promise<void> {
    const reason = why === 'lost' ? NEVER_DIALLED : REFUSED;
    const deferrals = await this.countDeferrals(callId, reason);
    const at = new Date().toISOString();
    if (why === 'refused' && deferrals >= MAX_REFUSED) {
      const outcome = { sipCode: null, responsible: 'carrier', retryable: true, detail: REFUSED } as const;
      const disconnectionReason = 'telephony_provider_unavailable';
      return this.execute(callId, { type: 'EndCall', at, claim, disconnectionReason, outcome });
    }
    const notBefore = why === 'lost' && deferrals === 0 ? at : redialAt(deferrals);
    return this.execute(callId, { type: 'DeferCall', at, claim, reason, notBefore });
  }

  /** Ends a call whose attempt cannot be followed. Changes nothing after its end. */
  private endUnknown(callId: string, { status, claim }: AttemptState): Promise<void> {
    const isConnected = status === 'connected';
    const detail = isConnected
      ? 'The worker that carried the call ended'
      : 'The worker ended while it asked the carrier; the phone may have rung';
    const disconnectionReason = isConnected ? 'error_media_lost' : 'error_unknown_outcome';
    const outcome = { sipCode: null, responsible: 'system', retryable: isConnected, detail } as const;
    const at = new Date().toISOString();
    return this.execute(callId, { type: 'EndCall', at, claim, disconnectionReason, outcome });
  }

  /** Hangs up a leg that is open although its call has ended: no worker held the call at its end. */
  private async hangUpLastAttempt(callId: string): Promise<void> {
    const last = await lastAttempt(this.database, callId);
    if (!last) return;
    const found = await this.find(last.provider, last.claim);
    if (found.status === 'open') await this.followers.create(callId, last.claim, found.leg).hangUp();
  }

  private async execute(callId: string, command: CallCommand): Promise<void> {
    await this.calls.execute(callId, command, DIALING_CAUSE);
  }
}

const startedAtOf = (state: AttemptState): string | undefined =>
  state.status === 'connected' ? state.startedAt : undefined;
