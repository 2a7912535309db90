import { type Database } from '../../lib/platform/index.js';

/** The number of deferrals of a call, for one reason or for all. */
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

/** A call's last attempt: its claim, and the provider that it was claimed for. */
export async function lastAttempt(
  database: Database,
  callId: string,
): Promise<{ claim: string; provider: string } | undefined> {
  const [attempt] = await database.query<{ claim: string; provider: string }>(
    {
      name: 'last_attempt',
      text: `select data ->> 'claim' as claim, data ->> 'provider' as provider from call_events
             where stream_id = $1 and type = 'call.dialing' order by version desc limit 1`,
    },
    [callId],
  );
  return attempt;
}
