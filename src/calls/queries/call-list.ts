import type pg from 'pg';
import { type Database, firstIdAt, Page } from '../../lib/platform/index.js';
import { DAY_MS, HOUR_MS, type Stretch, stretchesOf } from './call-counts.js';
import { type CallStatus } from '../call-state.js';
import { LATENCIES } from './call-latency.js';
import { TRANSCRIPT } from './call-turns.js';
import { type StoredCallRow } from './call-view.js';
import { type Direction, type Environment } from '../call-events.js';

export interface CallFilter {
  organizationId: string;
  environment: Environment;
  status?: CallStatus | undefined;
  direction?: Direction | undefined;
  /** Created at or after this time. */
  from?: Date | undefined;
  /** Created before this time. */
  to?: Date | undefined;
}

/** Up to this number, skipping rows is as fast as a search in the buckets. */
const MAX_SKIP = 1_000;

const DIRECTION_SQL = { INBOUND: `and direction = 'INBOUND'`, OUTBOUND: `and direction = 'OUTBOUND'` } as const;

/**
 * Lists calls newest first with an exact total. The cost does not grow with history: totals are sums of day counters,
 * and a deep page finds its hour in the same counters and skips rows only within it.
 */
export async function listCalls(database: Database, filter: CallFilter, page: number, limit: number) {
  // One snapshot, so that the total, the position and the rows agree.
  return database.transaction(async (client) => {
    const list = new ListSnapshot(client, filter);
    const skip = (page - 1) * limit;
    const stretches = stretchesOf(filter.from?.getTime() ?? -Infinity, filter.to?.getTime() ?? Infinity);
    const counts = [];
    for (const stretch of stretches) counts.push(await list.count(stretch));
    const total = counts.reduce((sum, count) => sum + count, 0);
    const rows = skip < total ? await list.rowsAt(stretches, counts, skip, limit) : [];
    return new Page(rows, page, limit, total);
  }, 'begin isolation level repeatable read read only');
}

/** Calls by bucket, from counters and unfolded deltas. Parameters 1 to 7 as in `bucketValues`. */
const BUCKETS = `
  select starts_at, calls from call_counts
  where organization_id = $1 and environment = $2 and span = $3 and starts_at >= $4 and starts_at < $5
    and ($6::text is null or status = $6) and ($7::text is null or direction = $7)
  union all
  select date_trunc($3, starts_at, 'UTC'), calls from call_count_deltas
  where organization_id = $1 and environment = $2 and starts_at >= $4 and starts_at < $5
    and ($6::text is null or status = $6) and ($7::text is null or direction = $7)`;

const SUM_BUCKETS = {
  name: 'count_calls',
  text: `select coalesce(sum(calls), 0)::float8 as calls from (${BUCKETS}) b`,
};

/** The bucket of row number $8 (from 0) of its stretch, newest first, and the number of rows before it. */
const SEEK_BUCKET = {
  name: 'seek_calls',
  text: `select starts_at, before from (
           select starts_at, calls, (sum(calls) over (order by starts_at desc) - calls)::float8 as before
           from (select starts_at, sum(calls) as calls from (${BUCKETS}) b group by starts_at) s
         ) r where before <= $8 and before + calls > $8 limit 1`,
};

class ListSnapshot {
  constructor(
    private readonly client: pg.PoolClient,
    private readonly filter: CallFilter,
  ) {}

  async count(stretch: Stretch): Promise<number> {
    if (stretch.by !== 'rows') {
      const { rows } = await this.client.query<{ calls: number }>({
        ...SUM_BUCKETS,
        values: this.bucketValues(stretch),
      });
      return rows[0]?.calls ?? 0;
    }
    const { conditions, values } = this.rowConditions(stretch.from, stretch.to);
    const { rows } = await this.client.query<{ calls: number }>(
      `select count(*)::float8 as calls from calls where ${conditions}`,
      values,
    );
    return rows[0]?.calls ?? 0;
  }

  /** The rows from number `skip` on; the stretch and the bucket of that row are found first. */
  async rowsAt(stretches: Stretch[], counts: number[], skip: number, limit: number): Promise<StoredCallRow[]> {
    const from = this.filter.from?.getTime() ?? -Infinity;
    let top = this.filter.to?.getTime() ?? Infinity;
    let rest = skip;
    if (rest > MAX_SKIP) {
      const index = counts.findIndex((count) => {
        if (rest < count) return true;
        rest -= count;
        return false;
      });
      ({ top, rest } = await this.seek(stretches[index] as Stretch, rest));
    }
    return this.rows(from, top, rest, limit);
  }

  private async seek(stretch: Stretch, skip: number): Promise<{ top: number; rest: number }> {
    if (stretch.by === 'rows') return { top: stretch.to, rest: skip };
    const { rows } = await this.client.query<{ starts_at: Date; before: number }>({
      ...SEEK_BUCKET,
      values: [...this.bucketValues(stretch), skip],
    });
    const bucket = rows[0];
    // The same snapshot has counted it.
    if (!bucket) throw new Error('call counters disagree with themselves; run calls:rebuild');
    const from = bucket.starts_at.getTime();
    const rest = skip - bucket.before;
    return stretch.by === 'day'
      ? this.seek({ by: 'hour', from, to: from + DAY_MS }, rest)
      : { top: from + HOUR_MS, rest };
  }

  private async rows(from: number, to: number, skip: number, limit: number): Promise<StoredCallRow[]> {
    const { conditions, values } = this.rowConditions(from, to);
    const { rows } = await this.client.query<StoredCallRow>(
      // Builds the transcript for the rows of the page only, not for the skipped ones.
      `select c.*, ${TRANSCRIPT}, ${LATENCIES} from (
         select * from calls where ${conditions}
         order by id desc offset $${values.length + 1} limit $${values.length + 2}
       ) c order by c.id desc`,
      [...values, skip, limit],
    );
    return rows;
  }

  private bucketValues({ by, from, to }: Stretch): unknown[] {
    const { organizationId, environment, status, direction } = this.filter;
    return [organizationId, environment, by, timeParameter(from), timeParameter(to), status ?? null, direction ?? null];
  }

  /** Ids are UUIDv7, so a range of time is a range of ids. The text depends on the set of filters, never on values. */
  private rowConditions(from: number, to: number): { conditions: string; values: unknown[] } {
    const { organizationId, environment, status, direction } = this.filter;
    const values: unknown[] = [organizationId, environment];
    const optional = (sql: string, value: unknown) => ` ${sql} $${values.push(value)}`;
    const conditions = [
      'organization_id = $1 and environment = $2',
      status ? optional('and status =', status) : '',
      direction ? DIRECTION_SQL[direction] : '',
      Number.isFinite(from) ? optional('and id >=', firstIdAt(new Date(from))) : '',
      Number.isFinite(to) ? optional('and id <', firstIdAt(new Date(to))) : '',
    ].join(' ');
    return { conditions, values };
  }
}

/** The last millisecond with a four-digit year. */
const LAST_MS = Date.UTC(10_000, 0) - 1;

const timeParameter = (ms: number): string =>
  ms < 0 ? '-infinity' : ms > LAST_MS ? 'infinity' : new Date(ms).toISOString();
