import { type Database, type NamedStatement } from '../platform/index.js';
import { type EventRow, type StoredEvent, toStoredEvent } from './event-store.js';

/**
 * A place in the feed: events are ordered by their transaction's id, then by position. A position alone will not do,
 * because a later one can become visible before it.
 */
export interface FeedPosition {
  transactionId: string;
  position: string;
}

export const FEED_START: FeedPosition = { transactionId: '0', position: '0' };

export interface FeedEvent extends StoredEvent {
  at: FeedPosition;
}

interface FeedRow extends EventRow {
  xid: string;
  place: string;
}

/** Only what no running transaction can still precede: every id below the snapshot's xmin has ended. */
const READ: NamedStatement = {
  name: 'read_feed',
  // The text forms have names of their own: ORDER BY would take a column of the output for the stored one.
  text: `select stream_id, version, type, data, metadata, recorded_at, transaction_id::text as xid, position::text as place
         from call_events
         where (transaction_id, position) > ($1::xid8, $2::bigint)
           and transaction_id < pg_snapshot_xmin(pg_current_snapshot())
         order by transaction_id, position
         limit $3`,
};

/** The next events of all streams after a place, in an order that never changes. */
export async function readFeed(
  database: Pick<Database, 'query'>,
  after: FeedPosition,
  limit: number,
): Promise<FeedEvent[]> {
  const rows = await database.query<FeedRow>(READ, [after.transactionId, after.position, limit]);
  return rows.map((row) => ({
    ...toStoredEvent(row),
    at: { transactionId: row.xid, position: row.place },
  }));
}

export interface FeedLag {
  subscription: string;
  /** Events that it has still to handle. */
  events: number;
  /** How long the oldest of them has waited. */
  seconds: number;
}

/** How far each reader of the feed is behind its end. */
export async function feedLag(database: Database): Promise<FeedLag[]> {
  return database.query<FeedLag>(
    `select c.name as subscription, count(e.*)::int as events,
       coalesce(extract(epoch from now() - min(e.recorded_at)), 0)::float as seconds
     from feed_checkpoints c
     left join call_events e on (e.transaction_id, e.position) > (c.transaction_id, c.position)
     group by c.name order by c.name`,
  );
}

/**
 * Whether stored transaction ids lie ahead of this server's, as they do after a dump was restored into a new cluster:
 * the feed would hide old events and put new ones before them.
 */
export async function needsRepair(database: Database): Promise<boolean> {
  const [row] = await database.query<{ ahead: boolean }>(
    `select greatest(
       (select max(transaction_id) from call_events), (select max(transaction_id) from feed_checkpoints)
     ) >= pg_snapshot_xmax(pg_current_snapshot()) as ahead`,
  );
  return row?.ahead ?? false;
}

/**
 * Mends the feed after a restore: every event keeps its place, as event number n of transaction 0, which precedes all
 * that come; checkpoints move along. Run it before anything is appended. Returns the number of events.
 */
export async function repairFeedAfterRestore(database: Database): Promise<number> {
  return database.transaction(async (client) => {
    await client.query('lock table call_events, feed_checkpoints in exclusive mode');
    await client.query(`set local outdial.feed_repair = 'on'`);
    await client.query(
      `update feed_checkpoints c set transaction_id = '0', position =
         (select count(*) from call_events e where (e.transaction_id, e.position) <= (c.transaction_id, c.position))`,
    );
    const { rowCount } = await client.query(
      `update call_events e set transaction_id = '0', position = r.place
       from (select stream_id, version, row_number() over (order by transaction_id, position) as place
             from call_events) r
       where e.stream_id = r.stream_id and e.version = r.version`,
    );
    return rowCount ?? 0;
  });
}
