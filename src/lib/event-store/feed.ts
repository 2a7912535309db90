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

/** Tables whose rows have a position in the feed: the events, and rows of other rooms in the same order. */
type FeedTables = readonly string[];

const rowsOf = (tables: FeedTables): string =>
  ['call_events', ...tables]
    .map((table) => `select '${table}' as source, ctid as row, transaction_id, position from ${table}`)
    .join(' union all ');

/**
 * Whether stored transaction ids lie ahead of this server's, as they do after a dump was restored into a new cluster:
 * the feed would hide old events and put new ones before them.
 */
export async function needsRepair(database: Database, alsoOrdered: FeedTables = []): Promise<boolean> {
  const newest = ['call_events', ...alsoOrdered, 'feed_checkpoints']
    .map((table) => `(select max(transaction_id) from ${table})`)
    .join(', ');
  const [row] = await database.query<{ ahead: boolean }>(
    `select greatest(${newest}) >= pg_snapshot_xmax(pg_current_snapshot()) as ahead`,
  );
  return row?.ahead ?? false;
}

/**
 * Mends the feed after a restore: every row keeps its place, as number n of transaction 0, which precedes all that come;
 * checkpoints move along. Run it before anything is appended. Returns the number of rows.
 */
export async function repairFeedAfterRestore(database: Database, alsoOrdered: FeedTables = []): Promise<number> {
  return database.transaction(async (client) => {
    const tables = ['call_events', ...alsoOrdered];
    await client.query(`lock table ${tables.join(', ')}, feed_checkpoints in exclusive mode`);
    await client.query(`set local outdial.feed_repair = 'on'`);
    await client.query(
      `create temporary table places on commit drop as
       select source, row, transaction_id, position, row_number() over (order by transaction_id, position) as place
       from (${rowsOf(alsoOrdered)}) r`,
    );
    await client.query(
      `update feed_checkpoints c set transaction_id = '0', position =
         (select count(*) from places p where (p.transaction_id, p.position) <= (c.transaction_id, c.position))`,
    );
    let mended = 0;
    for (const table of tables) {
      const { rowCount } = await client.query(
        `update ${table} t set transaction_id = '0', position = p.place
         from places p where p.source = '${table}' and p.row = t.ctid`,
      );
      mended += rowCount ?? 0;
    }
    return mended;
  });
}
