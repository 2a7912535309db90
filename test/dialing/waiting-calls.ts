import { newId } from '../../src/lib/platform/ids.js';
import { type Database } from '../../src/lib/platform/database/database.js';

interface Admission {
  call_id: string;
  /** Leased calls of its organization, and of its number, right after it. */
  of_organization: number;
  of_number: number;
}

/** Triggers that record each admission in its transaction. */
const RECORDS = `
  create table admission_record (
    n bigint generated always as identity, call_id uuid, of_organization int, of_number int
  );
  create function record_admission() returns trigger language plpgsql as $$ begin
    insert into admission_record (call_id, of_organization, of_number) values (
      new.call_id,
      (select count(*) from live_calls l where l.organization_id = new.organization_id),
      (select count(*) from live_calls l
       where l.organization_id = new.organization_id and l.from_number = new.from_number)
    );
    return null;
  end $$;
  create trigger record_admission after insert on live_calls for each row execute function record_admission();

  create table pace_record (what text, at timestamptz, is_clock boolean);
  create function record_pace() returns trigger language plpgsql as $$ begin
    insert into pace_record
      select what, at, at between statement_timestamp() and clock_timestamp()
      from (select case when tg_op = 'INSERT' then 'admitted' else 'asked' end as what,
              case when tg_op = 'INSERT' then new.admitted_at else new.asked_at end as at) as r;
    return null;
  end $$;
  create trigger record_pace after insert or update on carrier_admissions for each row execute function record_pace();
`;

/** Waiting calls as rows, without events: admission reads nothing else. */
export class WaitingCalls {
  /** Milliseconds for the next call, so that calls have an order. */
  private age = 0;

  private constructor(private readonly database: Database) {}

  static async open(database: Database): Promise<WaitingCalls> {
    await database.query(RECORDS);
    return new WaitingCalls(database);
  }

  async clear(): Promise<void> {
    await this.database.query(
      `truncate organizations, phone_numbers, calls, live_calls, carrier_admissions, admission_turns,
         admission_record, pace_record cascade`,
    );
  }

  async organizations(count: number, { numbers = ['+1'] } = {}): Promise<string[] & [string, string, string]> {
    const ids = Array.from({ length: count }, () => newId());
    for (const id of ids) {
      await this.database.query(`insert into organizations (id, name) values ($1, 'Test')`, [id]);
      for (const number of numbers)
        await this.database.query('insert into phone_numbers (id, organization_id, phone_number) values ($1, $2, $3)', [
          newId(),
          id,
          number,
        ]);
    }
    return ids as string[] & [string, string, string];
  }

  /** Adds calls of an hour ago, a millisecond apart. Their numbers alternate. */
  queue(organizationId: string, count: number, numbers: readonly string[] = ['+1']): Promise<string[]> {
    return this.insert(organizationId, count, numbers, `now() - interval '1 hour'`);
  }

  /** Adds calls for tomorrow. */
  schedule(organizationId: string, count: number): Promise<string[]> {
    return this.insert(organizationId, count, ['+1'], `now() + interval '1 day'`);
  }

  private async insert(organizationId: string, count: number, numbers: readonly string[], from: string) {
    const ids = Array.from({ length: count }, () => newId()).sort(() => Math.random() - 0.5);
    await this.database.query(
      `insert into calls (id, version, organization_id, environment, agent_id, status, direction, from_number,
         to_number, disable_knowledge_bases, attempt, created_at, scheduled_at)
       select id, 1, $2, 'test', $2, 'queued', 'OUTBOUND', ($4::text[])[1 + n % $5], '+9', false, 0,
         now() - interval '1 day', ${from} + ($3 + n) * interval '1 ms'
       from unnest($1::uuid[]) with ordinality as u(id, n)`,
      [ids, organizationId, this.age, numbers, numbers.length],
    );
    this.age += count;
    return ids;
  }

  async limitOrganization(id: string, limit: number): Promise<void> {
    await this.database.query('update organizations set max_concurrent_calls = $2 where id = $1', [id, limit]);
  }

  async limitNumber(id: string, number: string, limit: number): Promise<void> {
    await this.database.query(
      'update phone_numbers set max_concurrent_calls = $3 where organization_id = $1 and phone_number = $2',
      [id, number, limit],
    );
  }

  async defer(callId: string, waitMs: number): Promise<void> {
    await this.database.query(`update calls set not_before = now() + $2 * interval '1 ms' where id = $1`, [
      callId,
      waitMs,
    ]);
  }

  async row(callId: string): Promise<object | undefined> {
    return (await this.database.query('select * from calls where id = $1', [callId]))[0];
  }

  async waiting(): Promise<number> {
    const rows = await this.database.query<{ count: number }>(
      `select count(*)::int as count from calls c
       where status = 'queued' and not exists (select from live_calls l where l.call_id = c.id)`,
    );
    return rows[0]!.count;
  }

  /** Counts the leased calls of an organization by number. */
  async leasedBy(organizationId: string): Promise<Record<string, number>> {
    const rows = await this.database.query<{ from_number: string; count: number }>(
      'select from_number, count(*)::int as count from live_calls where organization_id = $1 group by 1',
      [organizationId],
    );
    return Object.fromEntries(rows.map(({ from_number, count }) => [from_number, count]));
  }

  /** In their order. */
  admissions(): Promise<Admission[]> {
    return this.database.query<Admission>('select * from admission_record order by n');
  }

  /** The times of admissions or of dials to a carrier, in microseconds. */
  async times(what: 'admitted' | 'asked'): Promise<number[]> {
    const rows = await this.database.query<{ at: number; is_clock: boolean }>(
      'select (extract(epoch from at) * 1000000)::float8 as at, is_clock from pace_record where what = $1',
      [what],
    );
    if (!rows.every(({ is_clock }) => is_clock)) throw new Error('a recorded time is not that of the clock');
    return rows.map(({ at }) => at);
  }
}
