import { Inject, Injectable } from '@nestjs/common';
import { DomainError, Log, newId, withTimeout } from '../lib/platform/index.js';
import { type CallCommand, CallCommands, type CallState } from '../calls/index.js';
import { type PreparationResult, Sessions } from '../sessions/index.js';
import { type CallLeg, TelephonyProviders } from '../telephony/index.js';
import { AttemptRecovery } from './attempt-recovery.js';
import { type CallLease } from './call-lease.js';
import { DIALING_CAUSE } from './dialing-cause.js';
import { DIALING_OPTIONS, type DialingOptions } from './dialing-options.js';
import { LegFollowerFactory } from './leg-follower-factory.js';
import { redialAt } from './redial-delay.js';

type ReadyCall = Extract<PreparationResult, { status: 'ready' }>;
type PostponedCall = Extract<PreparationResult, { status: 'postponed' }>;
type DialingState = Extract<CallState, { status: 'dialing' }>;

const PROVIDER_TIMEOUT_MS = 10_000;
/** Preparations of a call that may fail for a passing reason. */
const MAX_POSTPONED = 4;

/** Dials a new attempt of a call. A rejection leaves the call to be taken over. */
@Injectable()
export class CallDialer {
  constructor(
    private readonly calls: CallCommands,
    @Inject(Sessions) private readonly sessions: Pick<Sessions, 'prepare'>,
    @Inject(TelephonyProviders) private readonly providers: Pick<TelephonyProviders, 'for'>,
    private readonly followers: LegFollowerFactory,
    private readonly recovery: AttemptRecovery,
    private readonly log: Log,
    @Inject(DIALING_OPTIONS) private readonly options: Pick<DialingOptions, 'providerTimeoutMs'>,
  ) {}

  /** Prepares the call, claims the attempt, and only then asks the provider. */
  async dial(callId: string, lease: CallLease): Promise<void> {
    const queued = await this.calls.stateOf(callId);
    if (queued.status !== 'queued') {
      if (lease.mayDial) await this.recovery.recover(callId, lease);
      return;
    }
    const prepared = await this.sessions.prepare(callId, queued.facts, lease.signal);
    if (prepared.status === 'refused') return this.execute(callId, prepared.command);
    if (prepared.status === 'postponed') return this.postpone(callId, prepared);
    // Another worker holds the call now and prepares it again.
    if (!lease.mayDial) return;
    const claim = newId();
    const line = prepared.line(claim);
    const provider = this.providers.for(line.carrier.kind);
    const state = await this.claim(callId, provider.name, claim, prepared);
    if (!state) return this.cancel(callId, prepared, lease);
    const { toNumber: to, fromNumber: from } = state.facts;
    const dialling = provider.dial({
      attemptId: claim,
      callId,
      to,
      from,
      ...this.followers.limitsOf(prepared.plan),
      line,
    });
    lease.markDialled();
    let leg: CallLeg;
    try {
      leg = await withTimeout(this.options.providerTimeoutMs ?? PROVIDER_TIMEOUT_MS, 'dialling', dialling);
    } catch (error) {
      this.log.warn({ err: error, callId }, 'the provider may or may not have accepted the call; looking it up');
      this.hangUpIfLate(callId, claim, dialling);
      return this.recovery.recover(callId, lease, { claim, plan: prepared.plan });
    }
    await lease.follow(this.followers.create(callId, claim, leg, prepared.plan));
  }

  /** @returns undefined when the call can no longer be dialled */
  private async claim(
    callId: string,
    provider: string,
    claim: string,
    { screening, plan }: ReadyCall,
  ): Promise<DialingState | undefined> {
    try {
      const command: CallCommand = {
        type: 'DialCall',
        at: new Date().toISOString(),
        provider,
        claim,
        ...(screening && { screening }),
        ...(plan && { agent: plan.used }),
      };
      const { state } = await this.calls.execute(callId, command, DIALING_CAUSE);
      return state.status === 'dialing' ? state : undefined;
    } catch (error) {
      if (error instanceof DomainError && error.code === 'conflict') return undefined;
      throw error;
    }
  }

  /** The call was cancelled, or a worker that had lost it to this one has claimed it. */
  private async cancel(callId: string, prepared: ReadyCall, lease: CallLease): Promise<void> {
    const state = await this.calls.stateOf(callId);
    if (state.status === 'ended' && state.attempt === 0) await prepared.cancel?.();
    return this.recovery.recover(callId, lease);
  }

  /** Postpones a call at most MAX_POSTPONED times, then ends it. */
  private async postpone(callId: string, { reason, otherwise }: PostponedCall): Promise<void> {
    const deferrals = await this.recovery.countDeferrals(callId, reason);
    if (deferrals >= MAX_POSTPONED) return this.execute(callId, otherwise);
    const at = new Date().toISOString();
    return this.execute(callId, { type: 'PostponeCall', at, reason, notBefore: redialAt(deferrals) });
  }

  /** Hangs up a leg that the provider opens after the call has ended. */
  private hangUpIfLate(callId: string, claim: string, dialling: Promise<CallLeg>): void {
    dialling
      .then(async (leg) => {
        const { status } = await this.calls.stateOf(callId);
        if (status === 'ended') await this.followers.create(callId, claim, leg).hangUp();
      })
      .catch(() => undefined); // The refusal is logged already.
  }

  private async execute(callId: string, command: CallCommand): Promise<void> {
    await this.calls.execute(callId, command, DIALING_CAUSE);
  }
}
