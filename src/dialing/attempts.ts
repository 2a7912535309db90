import { type Database } from '../lib/platform/index.js';

/** How often a call was sent back to the line, for one reason or for any. */
export async function countDeferrals(database: Database, callId: string, reason?: string): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    {
      name: 'count_deferrals',
      text: `select count(*)::int as count from call_events
             where stream_id = $1 and type = 'call.deferred' and data ->> 'reason' = coalesce($2, data ->> 'reason')`,
    },
    [callId, reason],
  );
  return row?.count ?? 0;
}

/** The claim of a call's last attempt, by which the provider knows it. */
export async function lastClaim(database: Database, callId: string): Promise<string | undefined> {
  const [row] = await database.query<{ claim: string }>(
    {
      name: 'last_claim',
      text: `select data ->> 'claim' as claim from call_events
             where stream_id = $1 and type = 'call.dialing' order by version desc limit 1`,
    },
    [callId],
  );
  return row?.claim;
}
