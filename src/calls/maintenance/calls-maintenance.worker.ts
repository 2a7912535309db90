import { Injectable } from '@nestjs/common';
import { BackgroundService, Database, Log, PeriodicTask } from '../../lib/platform/index.js';
import { Idempotency } from '../idempotency.js';

const DELTAS_A_FOLD = 10_000;

/** Folds count deltas into the counters and deletes old Idempotency-Keys and names of ingested events. */
@Injectable()
export class CallsMaintenanceWorker extends BackgroundService {
  constructor(database: Database, idempotency: Idempotency, log: Log) {
    super({
      loops: [
        new PeriodicTask('fold call counts', 1_000, () => foldAllCounts(database), log),
        new PeriodicTask('purge idempotency keys', 60_000, () => idempotency.purge(), log),
        new PeriodicTask('purge received events', 60_000, () => purgeReceivedEvents(database), log),
      ],
    });
  }
}

async function foldAllCounts(database: Database): Promise<void> {
  while ((await foldCounts(database)) === DELTAS_A_FOLD);
}

/**
 * Moves count deltas into the counters of their day and hour. Skips the deltas that another process folds.
 * @returns the number of folded deltas
 */
export async function foldCounts(database: Database): Promise<number> {
  const [result] = await database.query<{ folded: number }>({
    name: 'fold_call_counts',
    text: `with next as (
      select id from call_count_deltas order by id limit ${DELTAS_A_FOLD} for update skip locked
    ), folded as (
      delete from call_count_deltas d using next where d.id = next.id returning d.*
    ), sums as (
      select organization_id, environment, s.span, date_trunc(s.span, starts_at, 'UTC') as starts_at, status, direction,
        sum(calls) as calls
      from folded cross join (values ('day'), ('hour')) as s(span)
      group by 1, 2, 3, 4, 5, 6
    ), counted as (
      insert into call_counts as c (organization_id, environment, span, starts_at, status, direction, calls)
      select * from sums where calls <> 0 order by 1, 2, 3, 4, 5, 6
      on conflict (organization_id, environment, span, starts_at, status, direction)
        do update set calls = c.calls + excluded.calls
    ) select count(*)::int as folded from folded`,
  });
  return result?.folded ?? 0;
}

/** Deletes the names of ingested events when their sender no longer repeats them. */
async function purgeReceivedEvents(database: Database): Promise<void> {
  await database.query(
    `delete from received_events where ctid = any(array(
       select ctid from received_events where received_at < now() - interval '7 days' limit 10000))`,
  );
}
