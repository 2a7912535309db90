import { foldCounts } from '../../src/calls/maintenance/calls-maintenance.worker.js';
import { recountCalls } from '../../src/calls/maintenance/call-rebuild.js';
import { makeCalls, Writers } from '../support/busy-calls.js';
import { countersThatDisagree, eraseCalls } from '../support/call-log.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import {
  again,
  cutConnections,
  join,
  OpenTransaction,
  type Participant,
  untilWaiting,
  upTo,
} from '../support/event-log.js';
import { eventually } from '../support/process.js';

describe('Call counters', () => {
  let db: TestDatabase;
  let others: Participant[];

  beforeAll(async () => {
    db = await openTestDatabase();
    others = await Promise.all(upTo(4).map(() => join(db.url, 4)));
  });

  afterAll(async () => {
    await Promise.all(others.map((other) => other.close()));
    await db.close();
  });

  beforeEach(() => eraseCalls(db.database));

  const deltas = async (): Promise<number> =>
    (await db.database.query<{ n: number }>('select count(*)::int as n from call_count_deltas'))[0]?.n ?? 0;

  async function expectExactOnceFolded(): Promise<void> {
    expect(await countersThatDisagree(db.database)).toEqual([]);
    while ((await foldCounts(db.database)) > 0);
    expect(await deltas()).toBe(0);
    expect(await countersThatDisagree(db.database)).toEqual([]);
  }

  it('are exact at every moment beside writers and four folding processes', async () => {
    const ids = await makeCalls(db.database, 500);
    const writers = new Writers([db.database, (others[0] as Participant).database], ids);
    let folded = 0;
    const folders = others.map(({ database }) =>
      again(async () => {
        const count = await foldCounts(database);
        folded += count;
      }),
    );
    // One snapshot of rows and counters during the writes.
    while (writers.appends < 3_000) expect(await countersThatDisagree(db.database)).toEqual([]);
    await writers.stop();
    await Promise.all(folders.map((stop) => stop()));
    expect(folded).toBeGreaterThan(0);
    await expectExactOnceFolded();
  });

  it('are folded once by concurrent folds, which return their number', async () => {
    await makeCalls(db.database, 2_000);
    const waiting = await deltas();
    const folded = await Promise.all(others.flatMap(({ database }) => [foldCounts(database), foldCounts(database)]));
    const rest = await foldCounts(db.database);
    expect(folded.reduce((sum, count) => sum + count, rest)).toBe(waiting);
    await expectExactOnceFolded();
  });

  it.each(['commit', 'rollback'] as const)('do not wait for another fold, and lose nothing by its %s', async (how) => {
    await makeCalls(db.database, 20);
    const waiting = await deltas();
    const slow = await OpenTransaction.begin(db.url);
    expect(await foldCounts(slow.database)).toBe(waiting);
    expect(await foldCounts(db.database)).toBe(0);
    await slow.end(how);
    expect(await deltas()).toBe(how === 'commit' ? 0 : waiting);
    await expectExactOnceFolded();
  });

  it.each(['commit', 'rollback'] as const)(
    'add up when two fold into one counter and the first ends in a %s',
    async (how) => {
      await makeCalls(db.database, 20);
      const slow = await OpenTransaction.begin(db.url);
      await foldCounts(slow.database);
      await makeCalls(db.database, 20);
      const folding = foldCounts(db.database);
      await untilWaiting((others[0] as Participant).database, 1);
      await slow.end(how);
      expect(await folding).toBeGreaterThan(0);
      await expectExactOnceFolded();
    },
  );

  it('lose nothing when the connection of a fold breaks', async () => {
    await makeCalls(db.database, 20);
    const slow = await OpenTransaction.begin(db.url);
    await foldCounts(slow.database);
    await makeCalls(db.database, 20);
    const waiting = await deltas();
    const folding = Promise.allSettled([foldCounts(db.database)]);
    const watcher = (others[0] as Participant).database;
    await untilWaiting(watcher, 1);
    expect(await cutConnections(watcher, `wait_event_type = 'Lock'`)).toBe(1);
    expect((await folding)[0].status).toBe('rejected');
    expect(await deltas()).toBe(waiting);
    await slow.end('commit');
    await expectExactOnceFolded();
  });

  it('stay exact under a recount beside writers and folds', async () => {
    const ids = await makeCalls(db.database, 300);
    const writers = new Writers([db.database], ids);
    const folders = others.slice(0, 2).map(({ database }) => again(() => foldCounts(database)));
    for (const _ of upTo(40)) expect(await recountCalls((others[2] as Participant).database)).toBe(0);
    await eventually('some appends', () => Promise.resolve(writers.appends > 200 || undefined));
    await writers.stop();
    await Promise.all(folders.map((stop) => stop()));
    await expectExactOnceFolded();
  });
});
