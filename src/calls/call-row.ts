import { type CallStatus, type ExistingCall, statusOf } from './call-state.js';
import {
  type AnsweredBy,
  type CallCosts,
  type Direction,
  type DisconnectionReason,
  type Environment,
  type LineQuality,
  type Outcome,
  type Sentiment,
} from './call-events.js';

/** A row of `calls` as JSON, by column name: times are ISO 8601 text, an absent value becomes null. */
export interface CallRow {
  id: string;
  version: number;
  organization_id: string;
  environment: Environment;
  agent_id: string;
  agent_version: number | undefined;
  campaign_id: string | undefined;
  status: CallStatus;
  direction: Direction;
  from_number: string;
  to_number: string;
  customer_name: string | undefined;
  voice_id: string | undefined;
  language: string | undefined;
  dynamic_variables: Record<string, unknown> | undefined;
  metadata: Record<string, unknown> | undefined;
  disable_knowledge_bases: boolean;
  scheduled_at: string | undefined;
  not_before: string | undefined;
  attempt: number;
  disconnection_reason: DisconnectionReason | undefined;
  outcome: Outcome | undefined;
  recording: string | undefined;
  answered_by: AnsweredBy | undefined;
  quality: LineQuality | undefined;
  duration: number | undefined;
  created_at: string;
  started_at: string | undefined;
  ended_at: string | undefined;
  summary: string | undefined;
  sentiment: Sentiment | null | undefined;
  call_successful: boolean | null | undefined;
  analysis: Record<string, unknown> | null | undefined;
  costs: CallCosts | undefined;
  token_cost: number | null | undefined;
}

/** The read model of a call. It depends on the events only, so that a rebuilt row equals the one written with them. */
export function toCallRow(id: string, version: number, state: ExistingCall): CallRow {
  const { facts, createdAt, attempt } = state;
  const startedAt = 'startedAt' in state ? state.startedAt : undefined;
  const end = state.status === 'ended' ? state : undefined;
  return {
    id,
    version,
    organization_id: facts.organizationId,
    environment: facts.environment,
    agent_id: facts.agentId,
    agent_version: state.agentVersion,
    campaign_id: facts.campaignId,
    status: statusOf(state) as CallStatus,
    direction: facts.direction,
    from_number: facts.fromNumber,
    to_number: facts.toNumber,
    customer_name: facts.customerName,
    voice_id: facts.voiceId,
    language: facts.language,
    dynamic_variables: facts.dynamicVariables,
    metadata: facts.metadata,
    disable_knowledge_bases: facts.disableKnowledgeBases ?? false,
    scheduled_at: facts.scheduledAt,
    not_before: state.status === 'queued' ? state.notBefore : undefined,
    attempt,
    disconnection_reason: end?.disconnectionReason,
    outcome: end?.outcome,
    recording: state.recording,
    answered_by: state.answeredBy,
    quality: state.quality,
    duration: end && secondsBetween(startedAt, end.endedAt),
    created_at: createdAt,
    started_at: startedAt,
    ended_at: end?.endedAt,
    summary: end?.assessment?.summary,
    sentiment: end?.assessment?.sentiment,
    call_successful: end?.assessment?.callSuccessful,
    analysis: end?.assessment?.analysis,
    costs: end?.costs,
    token_cost: end?.costs?.model,
  };
}

/** Whole seconds from answer to end; 0 for an unanswered call. */
const secondsBetween = (startedAt: string | undefined, endedAt: string): number =>
  startedAt === undefined ? 0 : Math.max(0, Math.round((Date.parse(endedAt) - Date.parse(startedAt)) / 1000));
