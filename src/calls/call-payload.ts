import { type Database } from '../lib/platform/index.js';
import { TRANSCRIPT } from './queries/call-turns.js';
import { type CallCosts, type Direction, type Environment, type Outcome, type Sentiment } from './call-events.js';
import { type StoredCallRow } from './queries/call-view.js';

/** A call in webhook payloads. An unknown value is null, never absent. */
interface CallPayload {
  callId: string;
  organizationId: string;
  agentId: string;
  agentName: string | null;
  campaignId: string | null;
  customerName: string | null;
  customerPhone: string;
  fromNumber: string;
  direction: Direction;
  status: string;
  /** Seconds from answer to end. */
  duration: number | null;
  disconnectionReason: string | null;
  outcome: Outcome | null;
  sentiment: Sentiment | null;
  summary: string | null;
  transcript: string | null;
  callSuccessful: boolean | null;
  analysis: Record<string, unknown> | null;
  tokenCost: number | null;
  costs: CallCosts | null;
  startedAt: Date | null;
  endedAt: Date | null;
  metadata: Record<string, unknown> | null;
}

/** An event with the current state of its call. */
export interface EventPayload {
  /** Its id in the call's timeline. */
  id: string;
  type: string;
  environment: Environment;
  /** Time of the event, ISO 8601. */
  at: string;
  /** The event's own data. */
  details: object;
  call: CallPayload;
}

type Row = StoredCallRow & { n: string; agent_name: string | null; type: string; data: object };

/** @returns the payload of each event, in the given order; undefined for a deleted event */
export async function eventPayloads(
  database: Database,
  events: readonly { callId: string; version: number }[],
): Promise<(EventPayload | undefined)[]> {
  const rows = await database.query<Row>(
    {
      name: 'event_payloads',
      text: `select k.n, c.*, ${TRANSCRIPT}, a.agent_name, v.type, v.data
             from unnest($1::uuid[], $2::int[]) with ordinality as k(call_id, version, n)
             join call_events v on v.stream_id = k.call_id and v.version = k.version
             join calls c on c.id = k.call_id
             left join agents a on a.id = c.agent_id`,
    },
    [events.map(({ callId }) => callId), events.map(({ version }) => version)],
  );
  const found = new Map(rows.map((row) => [Number(row.n), row]));
  return events.map(({ callId, version }, index) => {
    const row = found.get(index + 1);
    if (!row) return undefined;
    const { at, organizationId: _organizationId, ...details } = row.data as { at: string; organizationId?: string };
    const { type, environment } = row;
    return { id: `${callId}.${version}`, type, environment, at, details, call: toPayload(row) };
  });
}

function toPayload(row: Row): CallPayload {
  return {
    callId: row.id,
    organizationId: row.organization_id,
    agentId: row.agent_id,
    agentName: row.agent_name,
    campaignId: row.campaign_id,
    customerName: row.customer_name,
    customerPhone: row.to_number,
    fromNumber: row.from_number,
    direction: row.direction,
    status: row.status,
    duration: row.duration,
    disconnectionReason: row.disconnection_reason,
    outcome: row.outcome,
    sentiment: row.sentiment,
    summary: row.summary,
    transcript: row.transcript ?? null,
    callSuccessful: row.call_successful,
    analysis: row.analysis,
    tokenCost: row.token_cost,
    costs: row.costs,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    metadata: row.metadata,
  };
}
