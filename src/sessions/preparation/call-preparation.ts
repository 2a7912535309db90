import { Inject, Injectable } from '@nestjs/common';
import { SecretBoxError } from '../../lib/platform/index.js';
import { type Carrier, CarriersForCalls, noCarrier } from '../../carriers/index.js';
import { DailyUse, DiallingPolicyService } from '../../compliance/index.js';
import { type LineSetup } from '../../telephony/index.js';
import { type CallFacts, type DisconnectionReason, type Screening, type CallCommand } from '../../calls/index.js';
import { Recordings } from '../../recordings/index.js';
import { type CannotSpeak, type SessionPlan, SessionPlanner } from '../session-plan.js';

/** What a call needs before it can be dialled, or why it will not be. */
export type Prepared =
  | {
      is: 'ready';
      plan: SessionPlan;
      screening?: Screening;
      line?: (attemptId: string) => LineSetup;
      /** It is not made after all. */
      giveBack?: () => Promise<void>;
    }
  | { is: 'refused'; command: CallCommand }
  /** Another time it may be possible; if not, this is its end. */
  | { is: 'postponed'; reason: string; otherwise: CallCommand };

/**
 * Gathers what a call needs: a carrier, the consent of the dialling policy, and the agent's plan. All of it before the
 * attempt is claimed, so that a phone never rings for a call that could not go on.
 */
@Injectable()
export class CallPreparation {
  constructor(
    @Inject(SessionPlanner) private readonly planner: Pick<SessionPlanner, 'plan'>,
    @Inject(CarriersForCalls) private readonly carriers: Pick<CarriersForCalls, 'carrierFor'>,
    @Inject(DiallingPolicyService) private readonly policy: Pick<DiallingPolicyService, 'check'>,
    private readonly dailyUse: DailyUse,
    private readonly recordings: Recordings,
  ) {}

  /** @throws Error when the database does not answer or `signal` is aborted; nothing may be dialled then */
  async prepare(callId: string, facts: CallFacts, signal?: AbortSignal): Promise<Prepared> {
    return facts.environment === 'test'
      ? this.prepareTestCall(callId, facts, signal)
      : this.prepareLiveCall(callId, facts, signal);
  }

  /** The simulator needs neither a carrier of the organization nor the dialling policy. */
  private async prepareTestCall(callId: string, facts: CallFacts, signal?: AbortSignal): Promise<Prepared> {
    const plan = await this.planner.plan(callId, facts, signal);
    return 'reason' in plan ? noTalk(plan) : { is: 'ready', plan };
  }

  private async prepareLiveCall(callId: string, facts: CallFacts, signal?: AbortSignal): Promise<Prepared> {
    const { organizationId, toNumber } = facts;
    const { planner, dailyUse, recordings } = this;
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
    const line = (attemptId: string): LineSetup => {
      const recordTo = plan.agent.recordCalls ? recordings.fileFor(callId, attemptId) : undefined;
      return { carrier, organizationId, detectsAnswer: true, recordTo };
    };
    return { is: 'ready', screening, line, plan, giveBack };
  }

  /** @returns the carrier, or what is missing, in words */
  private async carrierOf({ organizationId, fromNumber }: CallFacts): Promise<Carrier | string> {
    try {
      return (await this.carriers.carrierFor(organizationId, fromNumber)) ?? noCarrier(fromNumber);
    } catch (error) {
      if (error instanceof SecretBoxError) return error.message;
      throw error;
    }
  }

  private async screen(callId: string, { organizationId, toNumber }: CallFacts): Promise<Screening> {
    const { dailyUse, policy } = this;
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
