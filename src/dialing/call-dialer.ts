import { setTimeout as delay } from 'node:timers/promises';
import { SIMULATOR_CARRIER } from '../carriers/index.js';
import { type CallLeg, type FoundLeg, type LegSignal, type TelephonyProviders } from '../telephony/index.js';
import { type Database, DomainError, type Log, newId, type Notifications, withTimeout } from '../lib/platform/index.js';
import {
  countDeferrals,
  lastAttempt,
  saveUsage,
  type CallCommands,
  type CallCommand,
  type CallState,
  saveTurn,
} from '../calls/index.js';
import { ConversationRecorder, type PreparationResult, type SessionPlan, type Sessions } from '../sessions/index.js';
import { waitAfter } from './leg-end-command.js';
import { LegFollower, type LegLimits } from './leg-follower.js';

export interface CallRunnerOptions extends LegLimits {
  /** How long a provider may take to answer a request before it counts as not answered. */
  providerTimeoutMs?: number | undefined;
}

/** What a dialled call needs of sessions. */
export type CallSessions = Pick<Sessions, 'prepare' | 'start' | 'finishRecording'>;

/** What whoever has a call in hand wants to know of it. */
export interface CallLease {
  /** False: this worker has lost the call, or stops. Whatever was not begun by then must not be. */
  isWanted: () => boolean;
  /** Aborted when this worker stops. */
  signal: AbortSignal;
  /** The provider has just been asked for it. */
  asked: () => void;
  /** It is being followed: from now on it can be hung up or let go of. */
  followed: (call: LegFollower) => void;
}

type Ready = Extract<PreparationResult, { status: 'ready' }>;

type UnderWay = Extract<CallState, { status: 'dialing' | 'connected' }>;

const CAUSE = { service: 'dispatcher' };
const PROVIDER_TIMEOUT_MS = 10_000;
/** With the lease and the look-out for lost calls, what became of one is settled within 30 s. */
const FIND_ATTEMPTS = 3;
const FIND_MS = 3_000;
const FIND_AGAIN_MS = 500;
const NOT_ASKED = 'The carrier could not be asked';
/** How often dialling is tried with a carrier that cannot be asked. */
const MAX_NOT_ASKED = 5;
/** How often it is tried to have an agent's words said beforehand. */
const MAX_POSTPONED = 4;

/** Takes one call, new or left by another worker, to its end. A rejection leaves it to be taken over. */
export class CallRunner {
  constructor(
    private readonly database: Database,
    private readonly calls: CallCommands,
    private readonly providers: Pick<TelephonyProviders, 'for'>,
    private readonly wakeups: Notifications,
    private readonly log: Log,
    private readonly options: CallRunnerOptions,
    private readonly sessions: CallSessions | undefined,
  ) {}

  /** Prepares and claims the attempt, then asks the provider: never the other way round. */
  async dial(callId: string, hold: CallLease): Promise<void> {
    const prepared = await this.prepare(callId, hold.signal);
    if (prepared?.status === 'refused') return this.execute(callId, prepared.command);
    if (prepared?.status === 'postponed') return this.postpone(callId, prepared);
    // Whoever has it now counts it again, as the same call.
    if (!hold.isWanted()) return;
    const claim = newId();
    const line = prepared?.line?.(claim);
    const provider = this.providers.for((line?.carrier ?? SIMULATOR_CARRIER).kind);
    const state = await this.claim(callId, provider.name, claim, prepared);
    if (!state) {
      // Cancelled, or claimed by a worker that had lost it to us.
      const given = await this.calls.stateOf(callId);
      if (given.status === 'ended' && given.attempt === 0) await prepared?.cancel?.();
      return this.resume(callId, hold);
    }
    const { facts } = state;
    const { ringTimeoutMs, maxDurationMs } = this.limits(prepared?.plan);
    const asked = provider.dial({
      attemptId: claim,
      callId,
      to: facts.toNumber,
      from: facts.fromNumber,
      ringTimeoutMs,
      maxDurationMs,
      line,
    });
    hold.asked();
    let leg: CallLeg;
    try {
      leg = await withTimeout(this.options.providerTimeoutMs ?? PROVIDER_TIMEOUT_MS, 'dialling', asked);
    } catch (error) {
      this.log.warn({ err: error, callId }, 'it is not known whether the provider took the call; asking it');
      this.hangUpIfLate(callId, claim, asked);
      return this.resume(callId, hold, { claim, ifNever: 'not-asked', plan: prepared?.plan });
    }
    await this.follow(callId, state, leg, hold, prepared?.plan);
  }

  /** Goes on with a call that was begun, by what its events and the provider say. Given a claim, only with that one. */
  async resume(
    callId: string,
    hold: CallLease,
    attempt: { claim?: string; ifNever: 'not-asked' | 'lost'; plan?: SessionPlan | undefined } = { ifNever: 'lost' },
  ): Promise<void> {
    const state = await this.calls.stateOf(callId);
    if (state.status === 'ended') return this.hangUpLeftover(callId);
    if (state.status !== 'dialing' && state.status !== 'connected') return;
    if (attempt.claim !== undefined && attempt.claim !== state.claim) return;
    const found = await this.find(state.provider, state.claim);
    if (found.status === 'open' && found.leg.audio && !attempt.plan && this.sessions) {
      // Nobody would speak on it.
      await this.liveCall(callId, state.claim, found.leg).letGo();
      return this.lose(callId, state);
    }
    if (found.status === 'open') return this.follow(callId, state, found.leg, hold, attempt.plan);
    if (found.status === 'ended') {
      await this.follow(callId, state, legOf(found.signals), hold);
      // A story without an end leaves the call as it is.
      return this.lose(callId, state);
    }
    // Nothing rang, and nothing will: the call goes back to the line.
    if (found.status === 'never' && state.status === 'dialing') return this.putBack(callId, state, attempt.ifNever);
    return this.lose(callId, state);
  }

  private async prepare(callId: string, signal: AbortSignal): Promise<PreparationResult | undefined> {
    if (!this.sessions) return undefined;
    const state = await this.calls.stateOf(callId);
    return state.status === 'queued' ? this.sessions.prepare(callId, state.facts, signal) : undefined;
  }

  /** An agent may want shorter calls than the settings; longer ones it does not get. */
  private limits(plan: SessionPlan | undefined): LegLimits {
    const { ringTimeoutMs, maxDurationMs } = this.options;
    return { ringTimeoutMs, maxDurationMs: Math.min(maxDurationMs, plan?.maxDurationMs ?? maxDurationMs) };
  }

  /** So often, and no more: who cannot be heard today is not called for ever. */
  private async postpone(
    callId: string,
    { reason, otherwise }: Extract<PreparationResult, { status: 'postponed' }>,
  ): Promise<void> {
    const before = await countDeferrals(this.database, callId, reason);
    if (before >= MAX_POSTPONED) return this.execute(callId, otherwise);
    const notBefore = new Date(Date.now() + waitAfter(before)).toISOString();
    return this.execute(callId, { type: 'PostponeCall', at: now(), reason, notBefore });
  }

  /** Returns nothing when the call cannot be dialled any more. */
  private async claim(
    callId: string,
    provider: string,
    claim: string,
    prepared: Ready | undefined,
  ): Promise<UnderWay | undefined> {
    try {
      const command: CallCommand = {
        type: 'DialCall',
        at: now(),
        provider,
        claim,
        ...(prepared?.screening ? { screening: prepared.screening } : {}),
        ...(prepared ? { agent: prepared.plan.used } : {}),
      };
      const { state } = await this.calls.execute(callId, command, CAUSE);
      return state.status === 'dialing' ? state : undefined;
    } catch (error) {
      if (error instanceof DomainError && error.code === 'conflict') return undefined;
      throw error;
    }
  }

  /** Asks what became of an attempt. A provider that does not answer does not know. */
  private async find(provider: string, claim: string): Promise<FoundLeg> {
    for (let attempt = 1; attempt <= FIND_ATTEMPTS; attempt++) {
      try {
        return await withTimeout(FIND_MS, 'asking for a call', this.providers.for(provider).find(claim));
      } catch (error) {
        this.log.warn({ err: error, claim, attempt }, 'the provider does not say what became of a call');
      }
      if (attempt < FIND_ATTEMPTS) await delay(FIND_AGAIN_MS);
    }
    return { status: 'unknown' };
  }

  /** The attempt did not take place. How soon the next one may depends on how often that has happened. */
  private async putBack(callId: string, { claim }: UnderWay, why: 'not-asked' | 'lost'): Promise<void> {
    const reason = why === 'lost' ? 'The worker ended before it asked the carrier' : NOT_ASKED;
    const before = await countDeferrals(this.database, callId, reason);
    if (why === 'not-asked' && before >= MAX_NOT_ASKED) {
      const outcome = { sipCode: null, responsible: 'carrier', retryable: true, detail: NOT_ASKED } as const;
      const disconnectionReason = 'telephony_provider_unavailable';
      return this.execute(callId, { type: 'EndCall', at: now(), claim, disconnectionReason, outcome });
    }
    const waitMs = why === 'lost' && before === 0 ? 0 : waitAfter(before);
    const notBefore = new Date(Date.now() + waitMs).toISOString();
    return this.execute(callId, { type: 'DeferCall', at: now(), claim, reason, notBefore });
  }

  /** Nobody can tell any more how the attempt went on. Once the call is over this changes nothing. */
  private lose(callId: string, { status, claim }: UnderWay): Promise<void> {
    const isConnected = status === 'connected';
    const detail = isConnected
      ? 'The worker that carried the call ended'
      : 'The worker ended while it asked the carrier; the phone may have rung';
    const disconnectionReason = isConnected ? 'error_media_lost' : 'error_unknown_outcome';
    const outcome = { sipCode: null, responsible: 'system', retryable: isConnected, detail } as const;
    return this.execute(callId, { type: 'EndCall', at: now(), claim, disconnectionReason, outcome });
  }

  /** A call that was ended while nobody carried it may still ring. */
  private async hangUpLeftover(callId: string): Promise<void> {
    const last = await lastAttempt(this.database, callId);
    if (!last) return;
    const found = await this.find(last.provider, last.claim);
    if (found.status === 'open') await this.liveCall(callId, last.claim, found.leg).hangUp();
  }

  /** A provider that took a call after it had been given up: nobody may be rung for a call that is over. */
  private hangUpIfLate(callId: string, claim: string, asked: Promise<CallLeg>): void {
    asked
      .then(async (leg) => {
        if ((await this.calls.stateOf(callId)).status === 'ended') await this.liveCall(callId, claim, leg).hangUp();
      })
      .catch(() => undefined); // the refusal has been told already
  }

  private async follow(
    callId: string,
    state: UnderWay,
    leg: CallLeg,
    hold: CallLease,
    plan?: SessionPlan,
  ): Promise<void> {
    const call = this.liveCall(callId, state.claim, leg, plan);
    hold.followed(call);
    await call.follow(state.status === 'connected' ? state.startedAt : undefined);
  }

  private liveCall(callId: string, claim: string, leg: CallLeg, plan?: SessionPlan): LegFollower {
    const execute = async (command: CallCommand) => (await this.calls.execute(callId, command, CAUSE)).state;
    const recorder = new ConversationRecorder(claim, {
      saveTurn: (turn) => saveTurn(this.database, callId, turn, this.wakeups),
      saveUsage: (usage) => saveUsage(this.database, callId, usage),
      execute,
      log: this.log,
    });
    const { sessions } = this;
    return new LegFollower(callId, claim, leg, this.limits(plan), {
      execute,
      countDeferrals: () => countDeferrals(this.database, callId),
      saveTurn: (turn) => saveTurn(this.database, callId, turn, this.wakeups),
      converse: sessions && plan && ((line) => sessions.start(plan, line, leg, recorder)),
      kept: () => recorder.idle(),
      // Not awaited: an upload takes its time, and what it leaves undone is swept up.
      closed: () => void sessions?.finishRecording(callId, claim),
      log: this.log,
    });
  }

  private async execute(callId: string, command: CallCommand): Promise<void> {
    await this.calls.execute(callId, command, CAUSE);
  }
}

const now = (): string => new Date().toISOString();

/** A leg that is over, told from its beginning. */
function legOf(signals: LegSignal[]): CallLeg {
  return {
    signals: (async function* () {
      await Promise.resolve();
      yield* signals;
    })(),
    hangup: () => Promise.resolve(),
    sendDtmf: () => Promise.resolve(),
    audio: undefined,
    transfer: () => Promise.resolve({ status: 'refused', detail: 'The call is over' }),
  };
}
