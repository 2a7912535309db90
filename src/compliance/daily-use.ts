import { Injectable } from '@nestjs/common';
import { type Config } from '../config/config.js';
import { InjectConfig } from '../config/inject-config.js';
import { Database } from '../lib/platform/index.js';
import { type DiallingCounts } from './dialling-policy.service.js';

/** An organization's use of its daily limits. Days are UTC days. */
@Injectable()
export class DailyUse {
  constructor(
    private readonly database: Database,
    @InjectConfig() private readonly config: Pick<Config, 'callCostPerMinute'>,
  ) {}

  /**
   * Adds a call to the day's calls to a number and counts the others. The lock makes concurrent calls to one number see
   * each other.
   */
  async count(organizationId: string, toNumber: string, callId: string): Promise<DiallingCounts> {
    const callsToNumberToday = await this.database.transaction(async (client) => {
      await client.query('select pg_advisory_xact_lock(7246334, hashtext($1))', [`${organizationId} ${toNumber}`]);
      const { rows } = await client.query<{ others: number }>(
        `with taken as (
           insert into dialled_numbers (organization_id, day, to_number, call_id)
           values ($1, (now() at time zone 'UTC')::date, $2, $3) on conflict do nothing
         ) select count(*)::int as others from dialled_numbers
           where organization_id = $1 and day = (now() at time zone 'UTC')::date and to_number = $2 and call_id <> $3`,
        [organizationId, toNumber, callId],
      );
      return rows[0]?.others ?? 0;
    });
    return { callsToNumberToday, spentToday: await this.spent(organizationId) };
  }

  /** Removes a call that is not dialled after all. */
  async uncount(organizationId: string, toNumber: string, callId: string): Promise<void> {
    await this.database.query(
      'delete from dialled_numbers where organization_id = $1 and to_number = $2 and call_id = $3',
      [organizationId, toNumber, callId],
    );
  }

  /** Deletes past days. */
  async purge(): Promise<void> {
    await this.database.query(`delete from dialled_numbers where day < (now() at time zone 'UTC')::date - 1`);
  }

  /** Cost of the started minutes of today's answered live calls; null: unknown. */
  async spent(organizationId: string): Promise<number | null> {
    if (this.config.callCostPerMinute === 0) return null;
    const [row] = await this.database.query<{ minutes: number }>(
      {
        name: 'minutes_of_today',
        text: 'select live_minutes_today($1) as minutes',
      },
      [organizationId],
    );
    // Six decimals, like prices: the rest is noise of binary fractions, and people read this.
    return Math.round((row?.minutes ?? 0) * this.config.callCostPerMinute * 1e6) / 1e6;
  }
}
