import { type CallState, type CallStatus, statusOf } from './call.js';
import { type Direction, type DisconnectionReason, type Environment, type Outcome } from './call-events.js';

/** A row of `calls` on its way to the database: the columns by name, times as ISO 8601 text. */
export interface CallRow {
  id: string;
  version: number;
  organization_id: string;
  environment: Environment;
  agent_id: string;
  campaign_id: string | null;
  status: CallStatus;
  direction: Direction;
  from_number: string;
  to_number: string;
  customer_name: string | null;
  voice_id: string | null;
  language: string | null;
  dynamic_variables: Record<string, unknown> | null;
  metadata: Record<string, unknown> | null;
  disable_knowledge_bases: boolean;
  scheduled_at: string | null;
  attempt: number;
  disconnection_reason: DisconnectionReason | null;
  outcome: Outcome | null;
  duration: number | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
}

/** The read model of a call: a function of its events and nothing else, so that a rebuilt row equals the inline one. */
export function toCallRow(id: string, version: number, state: Exclude<CallState, { is: 'unknown' }>): CallRow {
  const { facts, createdAt, attempt } = state;
  const startedAt = 'startedAt' in state ? state.startedAt : null;
  const end = state.is === 'ended' ? state : null;
  return {
    id,
    version,
    organization_id: facts.organizationId,
    environment: facts.environment,
    agent_id: facts.agentId,
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
    disable_knowledge_bases: facts.disableKnowledgeBases,
    scheduled_at: facts.scheduledAt,
    attempt,
    disconnection_reason: end?.disconnectionReason ?? null,
    outcome: end?.outcome ?? null,
    duration: end && secondsBetween(startedAt, end.endedAt),
    created_at: createdAt,
    started_at: startedAt,
    ended_at: end?.endedAt ?? null,
  };
}

/** Whole seconds from answer to end; 0 for a call that nobody answered. */
const secondsBetween = (startedAt: string | null, endedAt: string): number =>
  startedAt === null ? 0 : Math.max(0, Math.round((Date.parse(endedAt) - Date.parse(startedAt)) / 1000));
