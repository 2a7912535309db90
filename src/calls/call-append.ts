import { type Append, type InlineProjection } from '../lib/event-store/index.js';
import { type NamedStatement } from '../lib/platform/index.js';
import { type CallState, evolve } from './call-state.js';
import { countChanges } from './queries/call-counts.js';
import { type CallEvent } from './call-events.js';
import { toCallRow } from './call-row.js';
import { type IdempotencyClaim, IDEMPOTENCY_GATE } from './idempotency.js';

const COLUMNS = `version, organization_id, environment, agent_id, campaign_id, status, direction, from_number, to_number,
  customer_name, voice_id, language, dynamic_variables, metadata, disable_knowledge_bases, scheduled_at, attempt,
  disconnection_reason, outcome, duration, created_at, started_at, ended_at, not_before, recording,
  answered_by, quality, summary, sentiment, call_successful, analysis, costs, token_cost,
  agent_version`;

const SET_ALL_COLUMNS = COLUMNS.split(',')
  .map((column) => `${column.trim()} = excluded.${column.trim()}`)
  .join(', ');

/** The read model that every append writes with its events: the row of the call, and changes of the counts. */
export const CALLS_PROJECTION: InlineProjection = {
  name: 'calls',
  gate: IDEMPOTENCY_GATE,
  ctes: [
    `upserted as (
      insert into calls
      select c.* from appended join input i using (stream_id)
        cross join lateral jsonb_populate_record(null::calls, i.payload -> 'call') c
      on conflict (id) do update set ${SET_ALL_COLUMNS} where calls.version < excluded.version
    )`,
    `counted as (
      insert into call_count_deltas (organization_id, environment, starts_at, status, direction, calls)
      select (i.payload -> 'call' ->> 'organization_id')::uuid, i.payload -> 'call' ->> 'environment',
        date_trunc('hour', (i.payload -> 'call' ->> 'created_at')::timestamptz, 'UTC'), c.status, c.direction, sum(c.calls)
      from appended join input i using (stream_id)
        cross join lateral jsonb_to_recordset(i.payload -> 'counts') as c(status text, direction text, calls int)
      group by 1, 2, 3, 4, 5 having sum(c.calls) <> 0
    )`,
  ],
};

/** The append of new events, with the read model and an optional Idempotency-Key. */
export function appendToCall(
  id: string,
  version: number,
  state: CallState,
  events: readonly CallEvent[],
  metadata: object,
  claim?: IdempotencyClaim,
): Append {
  const after = events.reduce(evolve, state);
  if (after.status === 'unknown') throw new Error(`the events of call ${id} do not begin with call.queued`);
  const call = toCallRow(id, version + events.length, after);
  const payload = { call, counts: countChanges(state, after), claim };
  return { streamId: id, expectedVersion: version, events, metadata, payload };
}

/** Writes the rebuilt rows `$1`, a JSON array, where they differ from the present rows and are not older. */
export const REBUILD_ROWS: NamedStatement = {
  name: 'rebuild_calls',
  text: `insert into calls select * from json_populate_recordset(null::calls, $1::json)
         on conflict (id) do update set ${SET_ALL_COLUMNS}
         where calls.version <= excluded.version and calls.* is distinct from excluded.*
         returning id`,
};
