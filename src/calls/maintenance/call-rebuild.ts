import { type Database, isId, notFound } from '../../lib/platform/index.js';
import { replay } from '../call-state.js';
import { type CallEvent } from '../call-events.js';
import { type CallRow, toCallRow } from '../call-row.js';
import { REBUILD_ROWS } from '../call-append.js';

interface RebuildReport {
  calls: number;
  events: number;
  /** Rows that were missing or different. */
  mended: number;
  /** Counters that were wrong. */
  countsMended: number;
}

interface EventColumns {
  stream_id: string;
  version: number;
  type: string;
  data: object;
}

const EVENTS_A_READ = 20_000;

const READ_EVENTS = {
  name: 'read_streams',
  text: `select stream_id, version, type, data from call_events
         where (stream_id, version) > ($1::uuid, $2::int) order by stream_id, version limit ${EVENTS_A_READ}`,
};

/**
 * Rebuilds the rows of `calls` and the counters from the events while other processes write: a row that is newer than
 * the events read keeps its content. The next read runs during the write.
 */
export async function rebuildCalls(database: Database): Promise<RebuildReport> {
  const report: RebuildReport = { calls: 0, events: 0, mended: 0, countsMended: 0 };
  let writing: Promise<number> = Promise.resolve(0);
  for await (const histories of wholeHistories(database)) {
    const rows = histories.map(toRow);
    report.calls += rows.length;
    report.events += histories.reduce((sum, history) => sum + history.length, 0);
    report.mended += await writing;
    writing = writeRows(database, rows);
    // Awaited with the next batch; this keeps an earlier failure from being unhandled.
    writing.catch(() => undefined);
  }
  report.mended += await writing;
  report.mended += await deleteOrphans(database);
  report.countsMended = await recountCalls(database);
  return report;
}

/** Rebuilds the row of one call. @throws DomainError `not_found` */
export async function rebuildCall(database: Database, id: string): Promise<RebuildReport> {
  const history = isId(id)
    ? await database.query<EventColumns>(
        'select stream_id, version, type, data from call_events where stream_id = $1 order by version',
        [id],
      )
    : [];
  if (history.length === 0) throw notFound('Call');
  const mended = await writeRows(database, [toRow(history)]);
  return { calls: 1, events: history.length, mended, countsMended: await recountCalls(database) };
}

/** Batches of complete histories: a stream that exceeds one read continues in the next batch. */
async function* wholeHistories(database: Database): AsyncGenerator<EventColumns[][]> {
  let after: [string, number] = ['00000000-0000-0000-0000-000000000000', 0];
  let open: EventColumns[] = [];
  let next = database.query<EventColumns>(READ_EVENTS, after);
  for (;;) {
    const events = await next;
    const last = events.at(-1);
    if (!last) break;
    after = [last.stream_id, last.version];
    next = database.query<EventColumns>(READ_EVENTS, after);
    next.catch(() => undefined);
    const histories: EventColumns[][] = [];
    for (const event of events) {
      if (open[0] && open[0].stream_id !== event.stream_id) {
        histories.push(open);
        open = [];
      }
      open.push(event);
    }
    yield histories;
  }
  if (open.length > 0) yield [open];
}

function toRow(history: EventColumns[]): CallRow {
  const { stream_id: id } = history[0] as EventColumns;
  const state = replay(history as unknown as CallEvent[]);
  if (state.status === 'unknown') throw new Error(`the events of call ${id} do not begin with call.queued`);
  return toCallRow(id, history.length, state);
}

async function writeRows(database: Database, rows: CallRow[]): Promise<number> {
  if (rows.length === 0) return 0;
  return (await database.query(REBUILD_ROWS, [JSON.stringify(rows)])).length;
}

/** Deletes rows without events. An append writes both, so such rows are not calls. */
async function deleteOrphans(database: Database): Promise<number> {
  const rows = await database.query(
    `delete from calls c where not exists (select from call_events e where e.stream_id = c.id) returning id`,
  );
  return rows.length;
}

/** Advisory lock of recounts. */
const RECOUNT_LOCK = 7_246_333;

/**
 * Corrects the counters while other processes write. The difference of hours (calls by hour, less counters and unfolded
 * deltas, in one snapshot) is appended as deltas; days become the sum of their hours, which a fold never changes. The
 * lock keeps two recounts from correcting the same difference twice.
 */
export async function recountCalls(database: Database): Promise<number> {
  return database.transaction(async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [RECOUNT_LOCK]);
    const { rows } = await client.query<{ mended: number }>(
      `with wrong_hours as (
         select organization_id, environment, starts_at, status, direction, sum(calls) as calls from (
           select organization_id, environment, date_trunc('hour', created_at, 'UTC') as starts_at, status, direction,
             count(*) as calls
           from calls group by 1, 2, 3, 4, 5
           union all
           select organization_id, environment, starts_at, status, direction, -calls from call_counts where span = 'hour'
           union all
           select organization_id, environment, starts_at, status, direction, -calls from call_count_deltas
         ) c group by 1, 2, 3, 4, 5 having sum(calls) <> 0
       ), wrong_days as (
         select organization_id, environment, date_trunc('day', starts_at, 'UTC') as starts_at, status, direction,
           sum(case span when 'hour' then calls else -calls end) as calls
         from call_counts group by 1, 2, 3, 4, 5 having sum(case span when 'hour' then calls else -calls end) <> 0
       ), mended_hours as (
         insert into call_count_deltas (organization_id, environment, starts_at, status, direction, calls)
         select * from wrong_hours returning 1
       ), mended_days as (
         insert into call_counts as c (organization_id, environment, span, starts_at, status, direction, calls)
         select organization_id, environment, 'day', starts_at, status, direction, calls from wrong_days
         order by 1, 2, 3, 4, 5, 6
         on conflict (organization_id, environment, span, starts_at, status, direction)
           do update set calls = c.calls + excluded.calls
         returning 1
       ) select ((select count(*) from mended_hours) + (select count(*) from mended_days))::int as mended`,
    );
    return rows[0]?.mended ?? 0;
  });
}
