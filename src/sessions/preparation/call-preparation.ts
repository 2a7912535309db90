import { Inject, Injectable } from '@nestjs/common';
import { SecretBoxError } from '../../lib/platform/index.js';
import { type Carrier, CarriersForCalls, noCarrier, SIMULATOR_CARRIER } from '../../carriers/index.js';
import { DailyUse, DiallingPolicyService } from '../../compliance/index.js';
import { type LineSetup } from '../../telephony/index.js';
import { type CallFacts, type DisconnectionReason, type Screening, type CallCommand } from '../../calls/index.js';
import { Recordings } from '../../recordings/index.js';
import { type CannotSpeak, type SessionPlan } from '../session-plan.js';
import { SessionPlanner } from '../session-planner.js';

/** The result of a preparation. */
export type PreparationResult =
  | {
      status: 'ready';
      line: (attemptId: string) => LineSetup;
      /** Absent: the provider conducts the conversation and reports its turns. */
      plan?: SessionPlan;
      screening?: Screening;
      /** Releases the preparation of a call that is not dialled after all. */
      cancel?: () => Promise<void>;
    }
  | { status: 'refused'; command: CallCommand }
  /** A later attempt may succeed; `otherwise` ends the call without one. */
  | { status: 'postponed'; reason: string; otherwise: CallCommand };

/**
 * Prepares a call for dialling: carrier, dialling policy and the agent's plan. It runs before the attempt is claimed, so
 * that no phone rings for a call that cannot continue.
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
  async prepare(callId: string, facts: CallFacts, signal?: AbortSignal): Promise<PreparationResult> {
    return facts.environment === 'test'
      ? this.prepareTestCall(callId, facts, signal)
      : this.prepareLiveCall(callId, facts, signal);
  }

  /** The simulator needs neither a carrier of the organization nor the dialling policy. */
  private async prepareTestCall(callId: string, facts: CallFacts, signal?: AbortSignal): Promise<PreparationResult> {
    const plan = await this.planner.plan(callId, facts, signal);
    return 'reason' in plan ? refusalOf(plan) : { status: 'ready', line: simulatorLine(facts), plan };
  }

  private async prepareLiveCall(callId: string, facts: CallFacts, signal?: AbortSignal): Promise<PreparationResult> {
    const { organizationId, toNumber } = facts;
    const { planner, dailyUse, recordings } = this;
    const carrier = await this.carrierOf(facts);
    if (typeof carrier === 'string') return failed('telephony_provider_unavailable', carrier, false);
    const screening = await this.screen(callId, facts);
    if (!screening.allowed) return { status: 'refused', command: { type: 'RefuseCall', at: now(), screening } };
    const cancel = () => dailyUse.uncount(organizationId, toNumber, callId);
    const plan = await planner.plan(callId, facts, signal);
    if ('reason' in plan) {
      await cancel();
      return refusalOf(plan);
    }
    const line = (attemptId: string): LineSetup => {
      const recordTo = plan.agent.recordCalls ? recordings.fileFor(callId, attemptId) : undefined;
      return { carrier, organizationId, detectsAnswer: true, recordTo };
    };
    return { status: 'ready', screening, line, plan, cancel };
  }

  /** @returns the carrier, or why there is none, in words */
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
    if (!allowed) await dailyUse.uncount(organizationId, toNumber, callId);
    return { allowed, rule, detail };
  }
}

const failed = (disconnectionReason: DisconnectionReason, detail: string, retryable: boolean): PreparationResult => ({
  status: 'refused',
  command: endOf({ reason: disconnectionReason, detail, retryable }),
});

const refusalOf = (problem: CannotSpeak): PreparationResult =>
  problem.retryable
    ? { status: 'postponed', reason: problem.detail, otherwise: endOf(problem) }
    : { status: 'refused', command: endOf(problem) };

function endOf({ reason: disconnectionReason, detail, retryable }: CannotSpeak): CallCommand {
  const outcome = { sipCode: null, responsible: 'system', retryable, detail } as const;
  return { type: 'EndCall', at: now(), disconnectionReason, outcome };
}

/** The line of a call in test mode. */
export const simulatorLine =
  ({ organizationId }: Pick<CallFacts, 'organizationId'>) =>
  (): LineSetup => ({ carrier: SIMULATOR_CARRIER, organizationId, detectsAnswer: false });

const now = (): string => new Date().toISOString();
