import { Injectable } from '@nestjs/common';
import { Database } from '../lib/platform/index.js';

/** The leases of all workers, in `live_calls`: one row for each call that a worker holds. */
@Injectable()
export class LeaseTable {
  constructor(private readonly database: Database) {}

  /** Renews leases of a worker. @returns the calls that it still holds, each with whether it has ended */
  async renew(owner: string, callIds: readonly string[], leaseMs: number): Promise<Map<string, boolean>> {
    const rows = await this.database.query<{ call_id: string; has_ended: boolean }>(
      {
        name: 'renew_leases',
        text: `with renewed as (
                 update live_calls set lease_until = clock_timestamp() + $2 * interval '1 ms'
                 where owner = $1 and call_id = any ($3::uuid[])
                 returning call_id
               ) select r.call_id, c.ended_at is not null as has_ended from renewed r join calls c on c.id = r.call_id`,
      },
      [owner, leaseMs, callIds],
    );
    return new Map(rows.map(({ call_id, has_ended }) => [call_id, has_ended]));
  }

  /** The calls of a worker that have ended, by a command or another process. */
  async endedCalls(owner: string): Promise<string[]> {
    const rows = await this.database.query<{ call_id: string }>(
      {
        name: 'ended_live_calls',
        text: `select l.call_id from live_calls l join calls c on c.id = l.call_id
               where l.owner = $1 and c.ended_at is not null`,
      },
      [owner],
    );
    return rows.map(({ call_id }) => call_id);
  }

  /**
   * Takes over calls whose lease has run out, and calls in progress without a lease.
   * @returns the calls that the worker holds now
   */
  async takeOver(owner: string, leaseMs: number, maxCalls: number): Promise<string[]> {
    const rows = await this.database.query<{ call_id: string }>(
      {
        name: 'take_over_calls',
        text: `with lapsed as (
                 select call_id from live_calls where lease_until < clock_timestamp()
                 order by lease_until limit $3 for update skip locked
               ), orphans as (
                 insert into live_calls (call_id, organization_id, environment, from_number, carrier, owner, lease_until)
                 select c.id, c.organization_id, c.environment, c.from_number, '', $1, clock_timestamp() + $2 * interval '1 ms'
                 from calls c
                 where c.status = 'in_progress' and not exists (select from live_calls l where l.call_id = c.id)
                 order by c.id limit $3
                 on conflict do nothing
                 returning call_id
               ), taken as (
                 update live_calls l set owner = $1, lease_until = clock_timestamp() + $2 * interval '1 ms'
                 from lapsed where l.call_id = lapsed.call_id returning l.call_id
               ) select call_id from taken union all select call_id from orphans`,
      },
      [owner, leaseMs, maxCalls],
    );
    return rows.map(({ call_id }) => call_id);
  }

  /** Deletes the lease of a call, unless another worker has taken it over. */
  async release(owner: string, callId: string): Promise<void> {
    await this.database.query(
      { name: 'release_call', text: 'delete from live_calls where call_id = $1 and owner = $2' },
      [callId, owner],
    );
  }

  /** Lets all leases of a worker run out now. */
  async expire(owner: string): Promise<void> {
    await this.database.query('update live_calls set lease_until = clock_timestamp() where owner = $1', [owner]);
  }
}
