import { type Queue } from 'bullmq';
import { type Database, withTimeout } from '../lib/platform/index.js';
import { dialJob } from './dial-job.js';

const BATCH_SIZE = 1_000;
const QUEUE_MS = 5_000;

/**
 * Adds the missing jobs of all waiting calls, after a queue was flushed or restored to an older state.
 * @returns how many calls wait
 */
export async function rebuildJobs(database: Database, queue: Queue): Promise<number> {
  let after = '00000000-0000-0000-0000-000000000000';
  let count = 0;
  for (;;) {
    const rows = await database.query<{ id: string; version: number; due_at: Date }>(
      `select id, version, greatest(created_at, scheduled_at, not_before) as due_at
       from calls where status = 'queued' and id > $1 order by id limit ${BATCH_SIZE}`,
      [after],
    );
    const last = rows.at(-1);
    if (!last) return count;
    const jobs = rows.map(({ id, version, due_at }) => dialJob(id, version, due_at.toISOString()));
    await withTimeout(QUEUE_MS, 'adding jobs', queue.addBulk(jobs));
    after = last.id;
    count += rows.length;
  }
}
