import pg from 'pg';
import { type AdmissionRequest, CallQueue } from '../../src/dialing/call-queue.js';
import { type CallLimits, NO_LIMITS } from '../../src/dialing/dialing-options.js';
import { LeaseTable } from '../../src/dialing/lease-table.js';
import { Database } from '../../src/lib/platform/database/database.js';
import { newId } from '../../src/lib/platform/ids.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { WaitingCalls } from './waiting-calls.js';

/** A worker with connections of its own. */
class Worker {
  readonly owner = newId();
  readonly queue: CallQueue;
  readonly leases: LeaseTable;
  private readonly database: Database;
  private readonly pool: pg.Pool;
  private held: string[] = [];

  constructor(url: string) {
    this.pool = new pg.Pool({ connectionString: url, max: 2 });
    this.database = new Database(this.pool);
    this.queue = new CallQueue(this.database);
    this.leases = new LeaseTable(this.database);
  }

  async admit(limits: Partial<CallLimits> = {}, maxCalls = 1_000) {
    const { owner } = this;
    const request = {
      owner,
      environment: 'test',
      carrier: 'c',
      leaseMs: 60_000,
      maxCalls,
    } satisfies Partial<AdmissionRequest>;
    const admitted = await this.queue.admit({ ...request, limits: { ...NO_LIMITS, ...limits } });
    this.held.push(...admitted.callIds);
    return admitted;
  }

  /** Admits calls and confirms their dials. */
  async dial(limits: Partial<CallLimits> = {}, maxCalls = 1_000) {
    const admitted = await this.admit(limits, maxCalls);
    await this.queue.confirmAllDialled(admitted.callIds);
    return admitted;
  }

  /** Ends some of its calls, picked at random. */
  async endSome(share: number): Promise<void> {
    const ending = this.held.filter(() => Math.random() < share);
    this.held = this.held.filter((callId) => !ending.includes(callId));
    await this.database.query(`update calls set status = 'completed', ended_at = now() where id = any ($1)`, [ending]);
    for (const callId of ending) await this.leases.release(this.owner, callId);
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

/** The maximum of these times, in microseconds, in any second: each is the last of its window once. */
function maxInASecond(times: number[]): number {
  const sorted = times.sort((a, b) => a - b);
  let first = 0;
  return sorted.reduce((most, time, index) => {
    while (sorted[first]! <= time - 1_000_000) first++;
    return Math.max(most, index - first + 1);
  }, 0);
}

describe('CallQueue', () => {
  let db: TestDatabase;
  let line: WaitingCalls;
  let workers: Worker[];

  beforeAll(async () => {
    db = await openTestDatabase();
    line = await WaitingCalls.open(db.database);
    workers = Array.from({ length: 4 }, () => new Worker(db.url));
  });

  afterEach(() => line.clear());

  afterAll(async () => {
    for (const worker of workers) await worker.close();
    await db.close();
  });

  const one = () => workers[0]!;

  it('never exceeds a limit, with concurrent workers and ending calls', async () => {
    const limits = { callsPerOrganization: 12, callsPerNumber: 5, callsPerSecond: 500 };
    const CALLS = 4_000;
    const organizations = await line.organizations(8, { numbers: ['+1', '+2', '+3', '+4'] });
    for (const organization of organizations) await line.queue(organization, CALLS / 8, ['+1', '+2', '+3', '+4']);
    const startedAt = Date.now();
    const work = async (worker: Worker) => {
      while ((await line.waiting()) > 0) {
        await worker.dial(limits, 1 + Math.floor(Math.random() * 40));
        await worker.endSome(Math.random());
      }
    };
    await Promise.all(workers.map(work));
    const seconds = (Date.now() - startedAt) / 1_000;

    const admissions = await line.admissions();
    expect(admissions).toHaveLength(CALLS);
    expect(new Set(admissions.map(({ call_id }) => call_id)).size).toBe(CALLS);
    const most = (what: 'of_organization' | 'of_number') => Math.max(...admissions.map((one) => one[what]));
    // Equal: a limit that is not reached proves nothing.
    expect(most('of_organization')).toBe(limits.callsPerOrganization);
    expect(most('of_number')).toBe(limits.callsPerNumber);
    for (const what of ['admitted', 'asked'] as const) {
      const pace = await line.times(what);
      expect(pace).toHaveLength(CALLS);
      expect(maxInASecond(pace)).toBeLessThanOrEqual(limits.callsPerSecond);
    }
    expect(maxInASecond(await line.times('admitted'))).toBe(limits.callsPerSecond);
    const used = (100 * CALLS) / (limits.callsPerSecond * Math.max(seconds, 1));
    process.stdout.write(`admission: ${CALLS} calls in ${seconds.toFixed(1)} s, ${used.toFixed(1)} % of the pace\n`);
  }, 120_000);

  it('admits first come, first served within an organization', async () => {
    const [organization] = await line.organizations(1);
    const calls = await line.queue(organization, 400);
    await Promise.all(
      workers.map(async (worker) => {
        while ((await worker.admit({}, 1 + Math.floor(Math.random() * 5))).callIds.length > 0);
      }),
    );
    expect((await line.admissions()).map(({ call_id }) => call_id)).toEqual(calls);
  });

  it.each([1, 3])('lets organizations take turns, %i admitted at a time: 1,000 calls do not delay 2', async (most) => {
    const [big, small] = await line.organizations(2);
    await line.queue(big, 1_000);
    const two = await line.queue(small, 2);
    const admitted: string[] = [];
    while (admitted.length < 6) admitted.push(...(await one().dial({ callsPerSecond: 100 }, most)).callIds);
    expect(admitted.slice(0, 6)).toEqual(expect.arrayContaining(two));
  });

  it('replaces the general limits by those of an organization or number', async () => {
    const [few, none, many] = await line.organizations(3, { numbers: ['+1', '+2'] });
    await line.limitOrganization(few, 2);
    await line.limitOrganization(none, 0);
    await line.limitNumber(many, '+1', 4);
    for (const organization of [few, none, many]) await line.queue(organization, 20, ['+1', '+2']);
    await one().admit({ callsPerOrganization: 10, callsPerNumber: 3 });
    expect(await line.leasedBy(few)).toEqual({ '+1': 1, '+2': 1 });
    expect(await line.leasedBy(none)).toEqual({ '+1': 3, '+2': 3 });
    expect(await line.leasedBy(many)).toEqual({ '+1': 4, '+2': 3 });
  });

  it('does not delay a number for the waiting calls of another', async () => {
    const [organization] = await line.organizations(1, { numbers: ['+1', '+2'] });
    await line.queue(organization, 500, ['+1']);
    await line.queue(organization, 2, ['+2']);
    for (let round = 0; round < 2; round++) await one().admit({ callsPerNumber: 2 }, 10);
    expect(await line.leasedBy(organization)).toEqual({ '+1': 2, '+2': 2 });
  });

  it('leaves a call over a limit unchanged until a place is free', async () => {
    const [organization] = await line.organizations(1);
    const [first, second] = await line.queue(organization, 2);
    const limits = { callsPerOrganization: 1 };
    expect((await one().admit(limits)).callIds).toEqual([first]);
    expect((await workers[1]!.admit(limits)).callIds).toEqual([]);
    expect(await line.row(second!)).toMatchObject({ status: 'queued', attempt: 0 });
    // Only the owner releases a lease.
    await workers[1]!.leases.release(workers[1]!.owner, first!);
    expect((await one().admit(limits)).callIds).toEqual([]);
    await one().endSome(1);
    expect((await workers[1]!.admit(limits)).callIds).toEqual([second]);
  });

  it('admits every due call without limits', async () => {
    const [organization] = await line.organizations(1);
    await line.queue(organization, 1_500);
    await line.schedule(organization, 60);
    await one().admit();
    await one().admit();
    expect(await line.admissions()).toHaveLength(1_500);
    expect((await one().admit()).callIds).toEqual([]);
  });

  it('keeps the place of a deferred call, after its delay', async () => {
    const [organization] = await line.organizations(1);
    const [first, second, third] = await line.queue(organization, 3);
    await line.defer(first!, 60_000);
    expect((await one().admit({}, 1)).callIds).toEqual([second]);
    await line.defer(first!, -1);
    expect((await one().admit({}, 1)).callIds).toEqual([first]);
    expect((await one().admit({}, 1)).callIds).toEqual([third]);
  });

  describe('with calls per second', () => {
    it('returns the time of the next admission only when the limit holds calls back', async () => {
      const [organization] = await line.organizations(1);
      await line.queue(organization, 3);
      const { callIds, retryInMs } = await one().admit({ callsPerSecond: 2 });
      expect(callIds).toHaveLength(2);
      expect(retryInMs).toBeGreaterThan(0);
      expect(retryInMs).toBeLessThanOrEqual(1_000);
      expect((await one().admit({ callsPerSecond: 2 })).callIds).toEqual([]);
      const last = await one().admit({ callsPerSecond: 100 });
      expect(last).toMatchObject({ callIds: [expect.anything()], retryInMs: undefined });
    });

    const ONE = { callsPerSecond: 1 };
    const age = (what: 'admitted_at' | 'asked_at', by: string) =>
      db.database.query(`update carrier_admissions set ${what} = ${what} - $1::interval`, [by]);

    it('counts a call until one second after its dial, however late that is', async () => {
      const [organization] = await line.organizations(1);
      await line.queue(organization, 3);
      const { callIds } = await one().admit(ONE);
      await age('admitted_at', '5 s');
      expect((await one().admit(ONE)).callIds).toEqual([]);
      await one().queue.confirmAllDialled(callIds);
      expect((await one().admit(ONE)).callIds).toEqual([]);
      await age('asked_at', '1 s');
      expect((await one().admit(ONE)).callIds).toHaveLength(1);
      // Its worker has died.
      await age('admitted_at', '10 s');
      expect((await one().admit(ONE)).callIds).toHaveLength(1);
    });

    it('does not count a call that is not dialled after all', async () => {
      const [organization] = await line.organizations(1);
      const [first, second, third] = await line.queue(organization, 3);
      expect((await one().admit(ONE)).callIds).toEqual([first]);
      await one().queue.cancelAdmission(first!);
      expect((await one().dial(ONE)).callIds).toEqual([second]);
      await one().queue.cancelAdmission(second!);
      expect((await one().admit(ONE)).callIds).not.toEqual([third]);
    });

    it.each(['admitted_at', 'asked_at'] as const)('survives a clock that is set back: %s', async (what) => {
      const [organization] = await line.organizations(1);
      await line.queue(organization, 2);
      await one().dial(ONE);
      await age(what, '-1 hour');
      const { callIds, retryInMs } = await one().admit(ONE);
      expect(callIds).toEqual([]);
      expect(retryInMs).toBeLessThanOrEqual(1_000);
      await age('asked_at', '1 s');
      expect((await one().admit(ONE)).callIds).toHaveLength(1);
    });
  });

  it.each([80, 20_000])('reads few of %i waiting calls, and none that is not due', async (waiting) => {
    const [organization] = await line.organizations(1);
    await line.queue(organization, waiting);
    await line.schedule(organization, 20_000);
    await db.database.query('analyze calls');
    const request = {
      owner: one().owner,
      environment: 'test',
      carrier: 'c',
      leaseMs: 1_000,
      limits: NO_LIMITS,
    } as const;
    // Often enough for PostgreSQL to use its generic plan.
    for (let left = waiting; left > waiting - 90; left -= 10) {
      const [read] = await db.database.transaction(async (client) => {
        const connection = Database.on(client) as Database;
        const { callIds } = await new CallQueue(connection).admit({ ...request, maxCalls: 10 });
        expect(callIds).toHaveLength(Math.min(left, 10));
        return connection.query<{ rows: number }>(
          `select (seq_tup_read + idx_tup_fetch)::int as rows from pg_stat_xact_user_tables where relname = 'calls'`,
        );
      });
      expect(read!.rows).toBeGreaterThan(0);
      expect(read!.rows).toBeLessThan(2_000);
    }
  });
});
