import pg from 'pg';
import { TestApp } from '../support/app.js';
import { cloneDatabase, urlOf } from '../support/database.js';
import { eventually, Program, temporaryFolder } from '../support/process.js';

// The short form; `npm run chaos` admits 10,000.
const CALLS = Number(process.env['CHAOS_ADMISSIONS'] ?? 500);

/** Triggers that record each admission and each dial. */
const RECORDS = `
  create table admission_record (call_id uuid, owner uuid, of_organization int);
  create function record_admission() returns trigger language plpgsql as $$ begin
    insert into admission_record values (new.call_id, new.owner,
      (select count(*) from live_calls l where l.organization_id = new.organization_id));
    return null;
  end $$;
  create trigger record_admission after insert on live_calls for each row execute function record_admission();
  create table asked_record (call_id uuid, at timestamptz);
  create function record_asked() returns trigger language plpgsql as $$ begin
    insert into asked_record values (new.call_id, new.asked_at);
    return null;
  end $$;
  create trigger record_asked after update on carrier_admissions for each row execute function record_asked();
`;

/** The maximum of the times in any second. */
const MAX_IN_A_SECOND = `
  select max(n)::int as max from (
    select count(*) over (order by at range between current row and interval '0.999999 s' following) as n from asked_record
  ) windows`;

describe('two worker processes', () => {
  const folder = temporaryFolder();
  let api: TestApp;
  let client: pg.Client;
  let programs: Program[] = [];

  beforeEach(async () => {
    const url = await cloneDatabase('two_workers');
    client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(RECORDS);
    api = await TestApp.start(url);
  });

  afterEach(async () => {
    await Promise.all(programs.map((program) => program.kill('SIGTERM')));
    programs = [];
    await client.end();
    await api.close();
  });

  afterAll(() => {
    folder.remove();
  });

  /** Queues the calls and runs them with two workers. */
  async function run(limits: { MAX_CONCURRENT_CALLS: string; CALLS_PER_SECOND: string }): Promise<void> {
    const { key, agentId, fromNumber } = await api.tenant();
    const body = { agentId, fromNumber, toNumber: '+15550000001' };
    const create = async (): Promise<void> => {
      expect((await api.request('POST', '/v1/calls', { key, body })).status).toBe(201);
    };
    for (let made = 0; made < CALLS; made += 100) await Promise.all(Array.from({ length: 100 }, create));
    const settings = {
      DATABASE_URL: urlOf('two_workers'),
      DATA_DIR: folder.path,
      ROLES: 'worker',
      PORT: '0',
      SIMULATOR_SPEED: '400',
      ...limits,
    };
    programs = [1, 2].map(() => Program.run('main.js', [], settings));
    const over = async () =>
      (await client.query(`select from calls where status in ('queued', 'in_progress') limit 1`)).rowCount === 0;
    await eventually('every call is over', async () => ((await over()) ? true : undefined), 60_000 + CALLS * 20);
    const { rows } = await client.query(
      `select count(*)::int as admissions, count(distinct call_id)::int as calls, count(distinct owner)::int as owners
       from admission_record`,
    );
    expect(rows).toEqual([{ admissions: CALLS, calls: CALLS, owners: 2 }]);
  }

  it(`admit ${CALLS} calls and never exceed the limit of concurrent calls`, async () => {
    const LIMIT = 25;
    await run({ MAX_CONCURRENT_CALLS: String(LIMIT), CALLS_PER_SECOND: '0' });
    const [{ max }] = await query<{ max: number }>('select max(of_organization)::int as max from admission_record');
    // Equal: a limit that is not reached proves nothing.
    expect(max).toBe(LIMIT);
    process.stdout.write(`two workers: ${CALLS} admissions, at most ${max} of ${LIMIT} at once\n`);
  }, 600_000);

  it(`admit ${CALLS} calls and never exceed the calls per second`, async () => {
    const PER_SECOND = 50;
    await run({ MAX_CONCURRENT_CALLS: '0', CALLS_PER_SECOND: String(PER_SECOND) });
    const [{ max }] = await query<{ max: number }>(MAX_IN_A_SECOND);
    expect(max).toBe(PER_SECOND);
    // Without the calls of the first second, which are admitted at its beginning.
    const [{ used }] = await query<{ used: number }>(
      `select 100 * (count(*) - ${PER_SECOND}) / (${PER_SECOND} * extract(epoch from max(at) - min(at)))::float as used
       from asked_record`,
    );
    process.stdout.write(
      `two workers: ${CALLS} admissions, at most ${max} of ${PER_SECOND} in a second, ${used.toFixed(1)} % used\n`,
    );
  }, 600_000);

  async function query<T>(sql: string): Promise<[T]> {
    return (await client.query(sql)).rows as [T];
  }
});
