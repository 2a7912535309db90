import { rebuildCall, rebuildCalls } from '../../src/calls/maintenance/call-rebuild.js';
import { CALLS_PROJECTION } from '../../src/calls/call-append.js';
import { foldCounts } from '../../src/calls/maintenance/calls-maintenance.worker.js';
import { EventStore } from '../../src/lib/event-store/event-store.js';
import { makeCalls, ORGANIZATIONS, Writers } from '../support/busy-calls.js';
import { countersThatDisagree, eraseCalls, execute, rowsThatDisagree, storedRow } from '../support/call-log.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { again, join, OpenTransaction, type Participant, untilWaiting, upTo } from '../support/event-log.js';
import { eventually } from '../support/process.js';

const CANCEL = { type: 'CancelCall', at: '2026-04-05T14:00:00.000Z' } as const;

describe('Rebuilding calls', () => {
  let db: TestDatabase;
  let other: Participant;

  beforeAll(async () => {
    db = await openTestDatabase();
    other = await join(db.url, 10);
  });

  afterAll(async () => {
    await other.close();
    await db.close();
  });

  beforeEach(() => eraseCalls(db.database));

  const change = async (sql: string): Promise<number> => (await db.database.query(`${sql} returning 1`)).length;
  const foldAll = async () => {
    while ((await foldCounts(db.database)) > 0);
  };
  async function expectAgreement(): Promise<void> {
    expect(await rowsThatDisagree(db.database)).toEqual([]);
    expect(await countersThatDisagree(db.database)).toEqual([]);
    await foldAll();
    expect(await countersThatDisagree(db.database)).toEqual([]);
  }

  describe('corrects', () => {
    it('missing and different rows, and returns their number', async () => {
      const ids = await makeCalls(db.database, 400);
      const [stored] = await db.database.query<{ events: number }>('select count(*)::int as events from call_events');
      const among = (from: number, to: number) =>
        `id in (${ids
          .slice(from, to)
          .map((id) => `'${id}'`)
          .join()})`;
      const missing = await change(`delete from calls where ${among(0, 50)}`);
      const different =
        (await change(`update calls set status = 'failed', version = 1 where ${among(50, 53)} and version > 1`)) +
        (await change(`update calls set metadata = metadata || '{"n": "1"}' where ${among(60, 64)}`)) +
        (await change(`update calls set created_at = created_at + interval '1 day' where ${among(70, 75)}`)) +
        (await change(`update calls set customer_name = 'Nobody' where ${among(80, 86)}`));
      expect(await rowsThatDisagree(db.database)).toHaveLength(missing + different);
      expect(await rebuildCalls(db.database)).toEqual({
        calls: 400,
        events: stored?.events,
        mended: missing + different,
        countsMended: 0,
      });
      await expectAgreement();
    });

    it('nothing in a consistent database', async () => {
      await makeCalls(db.database, 300);
      const before = await db.database.query('select c.*, c.xmin::text as written_by from calls c order by id');
      expect(await rebuildCalls(db.database)).toMatchObject({ calls: 300, mended: 0, countsMended: 0 });
      expect(await db.database.query('select c.*, c.xmin::text as written_by from calls c order by id')).toEqual(
        before,
      );
    });

    it.each([
      ['lost with all deltas folded', true, 'delete from call_counts'],
      ['lost with deltas waiting', false, 'delete from call_count_deltas where id % 3 = 0'],
      ['lost in part', true, `delete from call_counts where status = 'queued'`],
      ['too high', true, `update call_counts set calls = calls + 5 where status = 'failed'`],
      [
        'of calls that never were',
        true,
        `insert into call_counts select organization_id, environment, span, starts_at, 'x', direction, 3 from call_counts where status = 'queued'`,
      ],
      [
        'wrong by the hour alone',
        true,
        `update call_counts set calls = calls + 5 where span = 'hour' and status = 'queued'`,
      ],
      [
        'wrong by the day alone',
        true,
        `update call_counts set calls = calls + 5 where span = 'day' and status = 'queued'`,
      ],
      ['lost by the day alone', true, `delete from call_counts where span = 'day'`],
    ])('counters that are %s', async (_, folded, harm) => {
      await makeCalls(db.database, 200);
      if (folded) await foldAll();
      expect(await change(harm)).toBeGreaterThan(0);
      const wrong = await countersThatDisagree(db.database);
      expect(wrong.length).toBeGreaterThan(0);
      expect((await rebuildCalls(db.database)).countsMended).toBeGreaterThan(0);
      await expectAgreement();
      expect((await rebuildCalls(db.database)).countsMended).toBe(0);
    });

    it('as many counters as it returns', async () => {
      await makeCalls(db.database, 200);
      await foldAll();
      const wrong = await change(
        `insert into call_count_deltas (organization_id, environment, starts_at, status, direction, calls)
         select organization_id, environment, starts_at, status, direction, 3 from call_counts
         where span = 'hour' and status = 'queued' and organization_id = '${ORGANIZATIONS[0]}'`,
      );
      expect(wrong).toBeGreaterThan(1);
      expect((await rebuildCalls(db.database)).countsMended).toBe(wrong);
      await expectAgreement();
    });

    it('rows of calls without events', async () => {
      const [id] = (await makeCalls(db.database, 10)) as [string];
      await db.database.query(
        `insert into calls select (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid()))).* from calls c where id = $1`,
        [id],
      );
      await rebuildCalls(db.database);
      await expectAgreement();
    });
  });

  describe('beside running writers', () => {
    it('ends with rows, counters and events in agreement', async () => {
      const ids = await makeCalls(db.database, 3_000);
      await foldAll();
      await change('delete from calls where id::text < (select id::text from calls order by id offset 400 limit 1)');
      await change(`update calls set status = 'completed', attempt = 7 where right(id::text, 1) in ('0', '5')`);
      await change(`update calls set metadata = null where right(id::text, 1) = '7'`);
      await change(`delete from call_counts where organization_id = '${ORGANIZATIONS[0]}'`);
      const writers = new Writers([db.database, other.database], ids);
      const stopFolding = again(() => foldCounts(other.database));
      await eventually('writers at work', () => Promise.resolve(writers.appends > 50 || undefined));
      const before = writers.appends;
      const report = await rebuildCalls(db.database);
      const during = writers.appends - before;
      await writers.stop();
      await stopFolding();
      expect(during).toBeGreaterThan(0);
      expect(report.calls).toBeGreaterThanOrEqual(3_000);
      expect(report.mended).toBeGreaterThan(500);
      await expectAgreement();
      expect(await rebuildCalls(db.database)).toMatchObject({ mended: 0, countsMended: 0 });
    });

    it.each([
      ['that is there', undefined],
      ['that is missing', 'delete from calls'],
    ])('never replaces a newer row, for a row %s', async (_, harm) => {
      const [id] = (await makeCalls(db.database, 1)) as [string];
      if (harm) await change(harm);
      const writer = await OpenTransaction.begin(db.url);
      await execute(new EventStore(writer.database, CALLS_PROJECTION), id, CANCEL);
      const newer = await storedRow(writer.database, id);
      // The rebuild reads before the writer commits and writes after it.
      const rebuilding = rebuildCalls(other.database);
      await untilWaiting(db.database, 1);
      await writer.end('commit');
      expect(await rebuilding).toMatchObject({ calls: 1, mended: 0 });
      expect(newer).toMatchObject({ status: 'cancelled' });
      expect(await storedRow(db.database, id)).toEqual(newer);
      await expectAgreement();
    });

    it('corrects counters once with two concurrent rebuilds', async () => {
      await makeCalls(db.database, 100);
      await foldAll();
      await change('delete from call_counts');
      // Without turns, both see the difference before either corrects it.
      await db.database.query(
        `create function wait_at_gate() returns trigger language plpgsql as
           $$ begin perform pg_advisory_xact_lock_shared(42); return null; end $$;
         create trigger gate before insert on call_count_deltas for each statement execute function wait_at_gate()`,
      );
      const gate = await OpenTransaction.begin(db.url);
      await gate.client.query('select pg_advisory_xact_lock(42)');
      const rebuilds = Promise.all([rebuildCalls(db.database), rebuildCalls(other.database)]);
      await untilWaiting(db.database, 2);
      await gate.end('commit');
      await rebuilds;
      await db.database.query('drop trigger gate on call_count_deltas; drop function wait_at_gate()');
      await expectAgreement();
    });
  });

  describe('reads histories whole', () => {
    /** Histories of these lengths: queued, dialled, many ringing, ended. Without rows. */
    async function insertHistories(lengths: readonly number[]): Promise<void> {
      await db.database.query(
        `insert into call_events (stream_id, version, type, data, metadata)
         select ('00000000-0000-7000-8000-' || lpad(s.stream::text, 12, '0'))::uuid, v,
           case v when 1 then 'call.queued' when 2 then 'call.dialing' when s.length then 'call.ended' else 'call.ringing' end,
           case v when 1 then q.data when 2 then d.data when s.length then e.data else jsonb_build_object('at', q.data -> 'at') end,
           '{}'
         from unnest($1::int[]) with ordinality as s(length, stream) cross join generate_series(1, s.length) v,
           (select data from call_events where type = 'call.queued' limit 1) q,
           (select data from call_events where type = 'call.dialing' limit 1) d,
           (select data from call_events where type = 'call.ended' limit 1) e`,
        [lengths],
      );
    }

    it.each([
      ['one over several reads', [3, 45_001, 4]],
      ['one that ends where a read ends', [19_995, 5, 3]],
      ['one that is a whole read', [20_000, 5, 3]],
      ['many small ones across the borders of reads', upTo(6_500).map((n) => 3 + (n % 9))],
    ])('%s', async (_, lengths) => {
      await makeCalls(db.database, 5);
      await insertHistories(lengths);
      const [before] = await db.database.query<{ events: number }>('select count(*)::int as events from call_events');
      const report = await rebuildCalls(db.database);
      expect(report).toMatchObject({ calls: 5 + lengths.length, events: before?.events, mended: lengths.length });
      const rows = await db.database.query<{ version: number; status: string }>(
        `select version, status from calls where id < '00000000-0000-7000-9000-000000000000' order by id`,
      );
      expect(rows.map(({ version }) => version)).toEqual(lengths);
      expect(new Set(rows.map(({ status }) => status))).toEqual(new Set(['failed']));
      await expectAgreement();
    });
  });

  describe('of one call', () => {
    it('corrects its row and no other', async () => {
      const [id, another] = (await makeCalls(db.database, 5)) as [string, string];
      const before = await storedRow(db.database, id);
      await change(`update calls set from_number = '+1'`);
      expect(await rebuildCall(db.database, id)).toEqual({ calls: 1, events: 2, mended: 1, countsMended: 0 });
      expect(await storedRow(db.database, id)).toEqual(before);
      expect(await storedRow(db.database, another)).toMatchObject({ from_number: '+1' });
    });

    it.each(['01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10', 'x', '', "'"])('throws not_found for the id %p', async (id) => {
      await expect(rebuildCall(db.database, id)).rejects.toMatchObject({ code: 'not_found' });
    });
  });
});
