import { type Database } from '../lib/platform/index.js';

/** Names the feed reader of the analysis; `analysis_pending` (SQL) reads its checkpoint. */
export const ANALYSIS_READER = 'assess';

/** A claimed call for analysis. The claim is valid for this `attempt` only. */
export interface AnalysisJob {
  callId: string;
  attempt: number;
}

/** So many, the oldest, are looked at for whether there is anything to do: what that costs must not grow with a backlog. */
const MAX_CANDIDATES = 1_000;

/** A call may still be on its line, and what was said last on its way. */
const IS_RIPE = `due_at <= statement_timestamp() and not exists (select from live_calls l where l.call_id = j.call_id)`;

/** The calls that are over and still to be assessed, shared by all workers. */
export class AnalysisJobs {
  constructor(private readonly database: Database) {}

  /** Those that were there already stay as they are. */
  async add(callIds: readonly string[], delayMs: number): Promise<void> {
    await this.database.query(
      `insert into call_assessments (call_id, due_at)
       select id, clock_timestamp() + $2 * interval '1 ms' from unnest($1::uuid[]) as id on conflict do nothing`,
      [callIds, delayMs],
    );
  }

  /**
   * Takes away calls that have nothing to be assessed or costed. Without a model in the settings an account of the
   * organization may still assess its live calls.
   * @returns whether it is worth looking again
   */
  async dismiss({ hasModel, paysForMinutes }: { hasModel: boolean; paysForMinutes: boolean }): Promise<boolean> {
    const rows = await this.database.query(
      {
        name: 'dismiss_assessments',
        text: `delete from call_assessments where call_id = any(array(
                 select j.call_id from (
                   select call_id from call_assessments j where ${IS_RIPE}
                   order by due_at limit ${MAX_CANDIDATES} for update of j skip locked
                 ) j
                 where not exists (select from call_usage u where u.call_id = j.call_id)
                   and not (exists (select from call_turns t where t.call_id = j.call_id) and ($1 or exists (
                     select from calls c join provider_accounts p on p.organization_id = c.organization_id
                     where c.id = j.call_id and c.environment = 'live'
                   )))
                   and not ($2 and exists (select from calls c where c.id = j.call_id and c.environment = 'live'))
               )) returning call_id`,
      },
      [hasModel, paysForMinutes],
    );
    return rows.length === MAX_CANDIDATES;
  }

  /** Takes calls into our hands; others may have them when `leaseMs` have passed. */
  take(most: number, leaseMs: number): Promise<AnalysisJob[]> {
    return this.database.query<AnalysisJob>(
      {
        name: 'take_assessments',
        text: `with taken as materialized (
                 select j.call_id from call_assessments j where ${IS_RIPE}
                 order by j.due_at limit $1 for update of j skip locked
               ) update call_assessments j set attempts = j.attempts + 1,
                   due_at = clock_timestamp() + $2 * interval '1 ms'
                 from taken t where j.call_id = t.call_id
                 returning j.call_id as "callId", j.attempts as attempt`,
      },
      [most, leaseMs],
    );
  }

  async finish({ callId, attempt }: AnalysisJob): Promise<void> {
    await this.database.query('delete from call_assessments where call_id = $1 and attempts = $2', [callId, attempt]);
  }

  /** Has it tried again later. */
  async putOff({ callId, attempt }: AnalysisJob, delayMs: number): Promise<void> {
    await this.database.query(
      `update call_assessments set due_at = clock_timestamp() + $3 * interval '1 ms'
       where call_id = $1 and attempts = $2`,
      [callId, attempt, delayMs],
    );
  }

  /** Gives it back as if it had not been tried. */
  async giveBack({ callId, attempt }: AnalysisJob): Promise<void> {
    await this.database.query(
      `update call_assessments set due_at = clock_timestamp(), attempts = attempts - 1
       where call_id = $1 and attempts = $2`,
      [callId, attempt],
    );
  }
}
