import fc from 'fast-check';
import { rebuildCall } from '../../src/calls/maintenance/call-rebuild.js';
import { type CallCommand } from '../../src/calls/call.js';
import { CALLS_PROJECTION } from '../../src/calls/call-append.js';
import { foldCounts } from '../../src/calls/maintenance/calls-maintenance.worker.js';
import { EventStore } from '../../src/lib/event-store/event-store.js';
import { newId } from '../../src/lib/platform/ids.js';
import { anyCommand, anyFacts, anyTime } from '../support/call-arbitraries.js';
import {
  appendHistory,
  asStored,
  countersThatDisagree,
  eraseCalls,
  execute,
  fixtures,
  rowsThatDisagree,
  storedRow,
} from '../support/call-log.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

/** Commands of one call, with its creation at some point; the commands of a group share an append. */
const anyLife: fc.Arbitrary<CallCommand[][]> = fc
  .tuple(
    fc.record({ type: fc.constant('QueueCall' as const), at: anyTime, facts: anyFacts }),
    fc.array(fc.array(anyCommand, { minLength: 1, maxLength: 3 }), { maxLength: 8 }),
  )
  .map(([first, rest]) => [[first], ...rest]);

describe('The row that is written with the events', () => {
  let db: TestDatabase;
  let store: EventStore;

  beforeAll(async () => {
    db = await openTestDatabase();
    store = new EventStore(db.database, CALLS_PROJECTION);
  });

  afterAll(() => db.close());

  beforeEach(() => eraseCalls(db.database));

  /** Deletes the row and rebuilds it. */
  async function expectSameRowRebuilt(id: string): Promise<void> {
    const inline = await storedRow(db.database, id);
    expect(inline).toBeDefined();
    // No corrections: neither the row nor a counter differs.
    expect(await rebuildCall(db.database, id)).toMatchObject({ calls: 1, mended: 0, countsMended: 0 });
    await db.database.query('delete from calls where id = $1', [id]);
    expect(await rebuildCall(db.database, id)).toMatchObject({ calls: 1, mended: 1, countsMended: 0 });
    expect(await storedRow(db.database, id)).toEqual(inline);
  }

  it.each(fixtures)('equals the rebuilt row: $name', async ({ events, row }) => {
    const id = newId();
    await appendHistory(store, id, events);
    expect(await storedRow(db.database, id)).toEqual(await asStored(db.database, { id, ...row }));
    await expectSameRowRebuilt(id);
    expect(await countersThatDisagree(db.database)).toEqual([]);
  });

  it('equals the rebuilt row after any sequence of commands, and counters agree', async () => {
    await fc.assert(
      fc.asyncProperty(anyLife, async (life) => {
        const id = newId();
        for (const commands of life) await execute(store, id, ...commands);
        await expectSameRowRebuilt(id);
      }),
      { numRuns: 100 },
    );
    expect(await rowsThatDisagree(db.database)).toEqual([]);
    expect(await countersThatDisagree(db.database)).toEqual([]);
    while ((await foldCounts(db.database)) > 0);
    expect(await countersThatDisagree(db.database)).toEqual([]);
  });

  it('agrees with the counters when many calls change at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyLife, { minLength: 2, maxLength: 12 }), async (lives) => {
        await Promise.all(
          lives.map(async (life) => {
            const id = newId();
            for (const commands of life) await execute(store, id, ...commands);
          }),
        );
        expect(await countersThatDisagree(db.database)).toEqual([]);
      }),
      { numRuns: 20 },
    );
    expect(await rowsThatDisagree(db.database)).toEqual([]);
  });
});
