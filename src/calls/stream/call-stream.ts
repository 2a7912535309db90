import { setTimeout as delay } from 'node:timers/promises';
import { FEED_START, type FeedPosition } from '../../lib/event-store/index.js';
import { type Database, type NamedStatement, type Notifications } from '../../lib/platform/index.js';
import { type Environment } from '../call-events.js';

/** All calls of an organization and environment, or one of them. */
export interface StreamFilter {
  organizationId: string;
  environment: Environment;
  callId?: string;
}

export interface StreamedEvent {
  at: FeedPosition;
  callId: string;
  type: string;
  /** Position in the call's timeline; null for a turn. */
  version: number | null;
  data: Record<string, unknown>;
}

/** Also the number of events in memory for a client that does not read. */
const EVENTS_A_READ = 100;
const POLL_MS = 1_000;

/** Events and turns after a position, in the order of the feed; `$3` limits both. */
const FEED = (where: string) => `
  select * from (
    (select stream_id as call_id, version, type, data, transaction_id, position from call_events
     where (transaction_id, position) > ($1::xid8, $2::bigint)
       and transaction_id < pg_snapshot_xmin(pg_current_snapshot()) ${where.replace('ID', 'stream_id')}
     order by transaction_id, position limit $3)
    union all
    (select call_id, null, 'call.turn', jsonb_build_object('at', to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'speaker', speaker, 'text', text,
       'startMs', start_ms, 'endMs', end_ms, 'interrupted', interrupted, 'latency', latency), transaction_id, position from call_turns
     where (transaction_id, position) > ($1::xid8, $2::bigint)
       and transaction_id < pg_snapshot_xmin(pg_current_snapshot()) ${where.replace('ID', 'call_id')}
     order by transaction_id, position limit $3)
  ) f order by transaction_id, position limit $3`;

const OF_ONE: NamedStatement = {
  name: 'stream_call',
  text: `select f.call_id, f.version, f.type, f.data, f.transaction_id::text as xid, f.position::text as feed_position,
           true as is_mine
         from (${FEED('and ID = $4')}) f order by f.transaction_id, f.position`,
};

/** Events of other organizations and of erased calls only move the position. */
const OF_ALL: NamedStatement = {
  name: 'stream_calls',
  text: `select f.call_id, f.version, f.type, case when c.id is not null then f.data end as data,
           f.transaction_id::text as xid, f.position::text as feed_position, c.id is not null as is_mine
         from (${FEED('')}) f
         left join calls c on c.id = f.call_id and c.organization_id = $4 and c.environment = $5
         order by f.transaction_id, f.position`,
};

interface Row {
  call_id: string;
  version: number | null;
  type: string;
  data: Record<string, unknown>;
  xid: string;
  feed_position: string;
  is_mine: boolean;
}

/**
 * Yields the events after a position without loss or repetition until `signal` aborts. Yields null when it has no more
 * events, before it waits for new ones.
 */
export async function* streamCalls(
  database: Database,
  notifications: Notifications,
  filter: StreamFilter,
  from: FeedPosition,
  signal: AbortSignal,
): AsyncGenerator<StreamedEvent | null> {
  let waiting = new AbortController();
  const wake = () => {
    waiting.abort();
  };
  const stopListening = notifications.on('call_events', wake);
  signal.addEventListener('abort', wake);
  try {
    let at = from;
    while (!signal.aborted) {
      waiting = new AbortController();
      const rows = await read(database, filter, at);
      for (const row of rows) {
        at = { transactionId: row.xid, position: row.feed_position };
        const { call_id: callId, type, version, data } = row;
        if (row.is_mine) yield { at, callId, type, version, data };
      }
      if (rows.length === EVENTS_A_READ) continue;
      yield null;
      await delay(POLL_MS, undefined, { signal: waiting.signal }).catch(() => undefined);
    }
  } finally {
    stopListening();
    signal.removeEventListener('abort', wake);
  }
}

function read(database: Database, filter: StreamFilter, at: FeedPosition): Promise<Row[]> {
  const position = [at.transactionId, at.position, EVENTS_A_READ];
  return filter.callId === undefined
    ? database.query<Row>(OF_ALL, [...position, filter.organizationId, filter.environment])
    : database.query<Row>(OF_ONE, [...position, filter.callId]);
}

/** The present end of the feed: the start of a stream without `Last-Event-ID`. */
export async function feedEnd(database: Database): Promise<FeedPosition> {
  const [row] = await database.query<{ xid: string }>(
    `select (pg_snapshot_xmin(pg_current_snapshot())::text::numeric - 1)::text as xid`,
  );
  return row ? { transactionId: row.xid, position: '9223372036854775807' } : FEED_START;
}

/** Whether a position lies after the end of a call, and after its last event and turn. */
export async function positionInCall(
  database: Database,
  callId: string,
  { transactionId, position }: FeedPosition,
): Promise<{ isPastEnd: boolean; isLast: boolean }> {
  const [row] = await database.query<{ is_past_end: boolean; is_last: boolean }>(
    `select
       exists (select from call_events where stream_id = $1 and type = 'call.ended'
         and (transaction_id, position) <= ($2::xid8, $3::bigint)) as is_past_end,
       not exists (select from call_events where stream_id = $1
         and (transaction_id, position) > ($2::xid8, $3::bigint))
       and not exists (select from call_turns where call_id = $1
         and (transaction_id, position) > ($2::xid8, $3::bigint)) as is_last`,
    [callId, transactionId, position],
  );
  return { isPastEnd: row?.is_past_end ?? false, isLast: row?.is_last ?? false };
}

/** A position as text, for `Last-Event-ID`. */
export const toEventId = ({ transactionId, position }: FeedPosition): string => `${transactionId}-${position}`;

/** The position of a `Last-Event-ID`; undefined for any other text. */
export function parseEventId(text: string): FeedPosition | undefined {
  const [, transactionId, position] = /^(\d{1,19})-(\d{1,19})$/.exec(text) ?? [];
  if (transactionId === undefined || position === undefined) return undefined;
  return BigInt(position) <= 9_223_372_036_854_775_807n ? { transactionId, position } : undefined;
}
