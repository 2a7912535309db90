import { type Database, firstIdAt } from '../lib/platform/index.js';

const DAY_MS = 86_400_000;
const BATCH = 10_000;

/** Forgets deliveries that are finished and older than `days`; 0 keeps them. Those still to be made stay. */
export async function purgeDeliveries(database: Database, days: number): Promise<void> {
  if (days === 0) return;
  const before = firstIdAt(new Date(Date.now() - days * DAY_MS));
  for (let isFull = true; isFull;) {
    const purged = await database.query(
      `delete from webhook_deliveries where id = any(array(
         select id from webhook_deliveries where id < $1 and status <> 'pending' order by id limit ${BATCH}
       )) returning id`,
      [before],
    );
    isFull = purged.length === BATCH;
  }
}
