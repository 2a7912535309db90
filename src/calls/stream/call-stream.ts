import { setTimeout as delay } from 'node:timers/promises';
import { FEED_START, type FeedPosition } from '../../lib/event-store/index.js';
import { type Database, type NamedStatement, type Notifications } from '../../lib/platform/index.js';
import { type Environment } from '../call-events.js';

/** What a client watches: all calls of its organization and environment, or one of them. */
export interface StreamFilter {
  organizationId: string;
  environment: Environment;
  callId?: string;
}

export interface StreamedEvent {
  at: FeedPosition;
  callId: string;
  type: string;
  /** The place in the call's timeline; null for a turn. */
  version: number | null;
  data: Record<string, unknown>;
}

/** Also how many events a client that does not read can keep in memory, beside a full socket. */
const EVENTS_A_READ = 100;
const POLL_MS = 1_000;

/** Events and turns in the order of the feed, after a place; `$3` limits both. */
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
  text: `select f.call_id, f.version, f.type, f.data, f.transaction_id::text as xid, f.position::text as place,
           true as is_mine
         from (${FEED('and ID = $4')}) f order by f.transaction_id, f.position`,
};

/** Other organizations' events, and those of calls that were erased, move the place on without being told. */
const OF_ALL: NamedStatement = {
  name: 'stream_calls',
  text: `select f.call_id, f.version, f.type, case when c.id is not null then f.data end as data,
           f.transaction_id::text as xid, f.position::text as place, c.id is not null as is_mine
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
  place: string;
  is_mine: boolean;
}

/**
 * What happens, from a place on, without loss or repetition, for as long as somebody reads. Yields null whenever
 * everything known has been told, before it waits for more.
 */
export async function* streamCalls(
  database: Database,
  wakeups: Notifications,
  filter: StreamFilter,
  from: FeedPosition,
  signal: AbortSignal,
): AsyncGenerator<StreamedEvent | null> {
  let waiting = new AbortController();
  const wake = () => {
    waiting.abort();
  };
  const stopListening = wakeups.on('call_events', wake);
  signal.addEventListener('abort', wake);
  try {
    let at = from;
    while (!signal.aborted) {
      waiting = new AbortController();
      const rows = await read(database, filter, at);
      for (const row of rows) {
        at = { transactionId: row.xid, position: row.place };
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
  const place = [at.transactionId, at.position, EVENTS_A_READ];
  return filter.callId === undefined
    ? database.query<Row>(OF_ALL, [...place, filter.organizationId, filter.environment])
    : database.query<Row>(OF_ONE, [...place, filter.callId]);
}

/** The end of the feed as of now: what a stream without a place of its own begins after. */
export async function feedEnd(database: Database): Promise<FeedPosition> {
  const [row] = await database.query<{ xid: string }>(
    `select (pg_snapshot_xmin(pg_current_snapshot())::text::numeric - 1)::text as xid`,
  );
  return row ? { transactionId: row.xid, position: '9223372036854775807' } : FEED_START;
}

/** Whether a place lies after the end of a call, and whether anything of it is left to tell. */
export async function placeInCall(
  database: Database,
  callId: string,
  { transactionId, position }: FeedPosition,
): Promise<{ isPastEnd: boolean; isAllTold: boolean }> {
  const [row] = await database.query<{ is_past_end: boolean; is_all_told: boolean }>(
    `select
       exists (select from call_events where stream_id = $1 and type = 'call.ended'
         and (transaction_id, position) <= ($2::xid8, $3::bigint)) as is_past_end,
       not exists (select from call_events where stream_id = $1
         and (transaction_id, position) > ($2::xid8, $3::bigint))
       and not exists (select from call_turns where call_id = $1
         and (transaction_id, position) > ($2::xid8, $3::bigint)) as is_all_told`,
    [callId, transactionId, position],
  );
  return { isPastEnd: row?.is_past_end ?? false, isAllTold: row?.is_all_told ?? false };
}

/** A place as text for the client to give back. */
export const toEventId = ({ transactionId, position }: FeedPosition): string => `${transactionId}-${position}`;

/** The place that a client gives back, or undefined when it is none of ours. */
export function parseEventId(text: string): FeedPosition | undefined {
  const [, transactionId, position] = /^(\d{1,19})-(\d{1,19})$/.exec(text) ?? [];
  if (transactionId === undefined || position === undefined) return undefined;
  return BigInt(position) <= 9_223_372_036_854_775_807n ? { transactionId, position } : undefined;
}
