import { SecretBoxError } from '../../lib/platform/index.js';
import { type CarriersForCalls, type SipCarrier, noCarrier } from '../../carriers/index.js';
import { type DiallingPolicyService, type DailyUse } from '../../compliance/index.js';
import { type LineSetup } from '../../telephony/index.js';
import { type CallFacts, type DisconnectionReason, type Screening, type CallCommand } from '../../calls/index.js';
import { type Recordings } from '../../recordings/index.js';
import { type CannotSpeak, type SessionPlan, type SessionPlanner } from '../session-plan.js';

/** What a call needs before it can be dialled, or why it will not be. */
export type Prepared =
  | {
      is: 'ready';
      plan: SessionPlan;
      screening?: Screening;
      line?: (claim: string) => LineSetup;
      /** It is not made after all. */
      giveBack?: () => Promise<void>;
    }
  | { is: 'refused'; command: CallCommand }
  /** Another time it may be possible; if not, this is its end. */
  | { is: 'postponed'; reason: string; otherwise: CallCommand };

export interface Preparation {
  /** @throws Error when the database cannot be asked, or `signal` is aborted: then nothing may be dialled */
  prepare(callId: string, facts: CallFacts, signal?: AbortSignal): Promise<Prepared>;
}

/** A simulated line needs no carrier and asks nobody's consent. */
export class TestCallPreparation implements Preparation {
  constructor(private readonly planner: Pick<SessionPlanner, 'plan'>) {}

  async prepare(callId: string, facts: CallFacts, signal?: AbortSignal): Promise<Prepared> {
    const plan = await this.planner.plan(callId, facts, signal);
    return 'reason' in plan ? noTalk(plan) : { is: 'ready', plan };
  }
}

export interface LiveCallPreparationDeps {
  planner: Pick<SessionPlanner, 'plan'>;
  carriers: Pick<CarriersForCalls, 'carrierFor'>;
  policy: Pick<DiallingPolicyService, 'check'>;
  dailyUse: DailyUse;
  recordings: Recordings;
}

/**
 * Gathers what a live call needs: a carrier, the consent of the dialling policy, and what the agent has to say. All of
 * it before the attempt is claimed, so that a phone never rings for a call that could not go on.
 */
export class LiveCallPreparation implements Preparation {
  constructor(private readonly parts: LiveCallPreparationDeps) {}

  async prepare(callId: string, facts: CallFacts, signal?: AbortSignal): Promise<Prepared> {
    const { organizationId, toNumber } = facts;
    const { planner, dailyUse, recordings } = this.parts;
    const carrier = await this.carrierOf(facts);
    if (typeof carrier === 'string') return failed('telephony_provider_unavailable', carrier, false);
    const screening = await this.screen(callId, facts);
    if (!screening.allowed) return { is: 'refused', command: { type: 'RefuseCall', at: now(), screening } };
    const giveBack = () => dailyUse.giveBack(organizationId, toNumber, callId);
    const plan = await planner.plan(callId, facts, signal);
    if ('reason' in plan) {
      await giveBack();
      return noTalk(plan);
    }
    const line = (claim: string): LineSetup => {
      const recordTo = plan.agent.recordCalls ? recordings.fileFor(callId, claim) : undefined;
      return { carrier, organizationId, detectsAnswer: true, recordTo };
    };
    return { is: 'ready', screening, line, plan, giveBack };
  }

  /** @returns the carrier, or what is missing, in words */
  private async carrierOf({ organizationId, fromNumber }: CallFacts): Promise<SipCarrier | string> {
    try {
      return (await this.parts.carriers.carrierFor(organizationId, fromNumber)) ?? noCarrier(fromNumber);
    } catch (error) {
      if (error instanceof SecretBoxError) return error.message;
      throw error;
    }
  }

  private async screen(callId: string, { organizationId, toNumber }: CallFacts): Promise<Screening> {
    const { dailyUse, policy } = this.parts;
    const counts = await dailyUse.count(organizationId, toNumber, callId);
    const { allowed, rule, detail } = await policy.check(organizationId, toNumber, new Date(), counts);
    if (!allowed) await dailyUse.giveBack(organizationId, toNumber, callId);
    return { allowed, rule, detail };
  }
}

const failed = (disconnectionReason: DisconnectionReason, detail: string, retryable: boolean): Prepared => ({
  is: 'refused',
  command: endOf({ reason: disconnectionReason, detail, retryable }),
});

const noTalk = (problem: CannotSpeak): Prepared =>
  problem.retryable
    ? { is: 'postponed', reason: problem.detail, otherwise: endOf(problem) }
    : { is: 'refused', command: endOf(problem) };

function endOf({ reason: disconnectionReason, detail, retryable }: CannotSpeak): CallCommand {
  const outcome = { sipCode: null, responsible: 'system', retryable, detail } as const;
  return { type: 'EndCall', at: now(), disconnectionReason, outcome };
}

const now = (): string => new Date().toISOString();
