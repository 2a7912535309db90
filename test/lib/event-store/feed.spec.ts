import fc from 'fast-check';
import { EventStore } from '../../../src/lib/event-store/event-store.js';
import { FEED_START, readFeed } from '../../../src/lib/event-store/feed.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import {
  again,
  endAfterTest,
  eraseEvents,
  join,
  newStreams,
  nameOf,
  NO_PROJECTION,
  numbered,
  OpenTransaction,
  type Participant,
  untilAllVisible,
  upTo,
  versionsByStream,
  wholeFeed,
} from '../../support/event-log.js';
import {
  FeedWorkload,
  type Follower,
  PairFollower,
  PositionFollower,
  SLOW_WRITERS,
  type Step,
} from '../../support/feed-workload.js';

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('open'),
    streams: fc.integer({ min: 1, max: 3 }),
    events: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({
    do: fc.constant('append'),
    streams: fc.integer({ min: 1, max: 3 }),
    events: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ do: fc.constantFrom('more', 'commit', 'rollback'), pick: fc.nat(9) }),
  fc.record({ do: fc.constant('look') }),
);

describe('The feed', () => {
  let db: TestDatabase;
  let reader: Participant;

  beforeAll(async () => {
    db = await openTestDatabase();
    reader = await join(db.url);
  });

  afterAll(async () => {
    await reader.close();
    await db.close();
  });

  beforeEach(() => eraseEvents(db.database));

  /** Carries out the steps while the followers look at every moment, and lets them come to the end. */
  async function follow(steps: readonly Step[], followers: readonly Follower[]): Promise<FeedWorkload> {
    const workload = new FeedWorkload(db.url, followers);
    const stopWatching = again(() => Promise.all(followers.map((follower) => follower.look())));
    try {
      for (const step of steps) await workload.run(step);
    } finally {
      await workload.endAll();
      await stopWatching();
    }
    await untilAllVisible(db.database);
    await Promise.all(followers.map((follower) => follower.look()));
    return workload;
  }

  it('gives everything once to whoever keeps the pair, and loses events for whoever keeps only the position', async () => {
    const pair = new PairFollower(reader.database, 3);
    const positionOnly = new PositionFollower(reader.database, 3);
    const { committed } = await follow(SLOW_WRITERS, [pair, positionOnly]);
    expect(committed.length).toBeGreaterThan(100);
    expect(pair.seen.toSorted()).toEqual(committed.toSorted());
    // The same workload shows that a reader could lose: this is what the pair is for.
    const lost = committed.filter((event) => !positionOnly.seen.includes(event));
    expect(lost.length).toBeGreaterThan(0);
  });

  it('has one order that never changes: what was read while writers ran is what a later reader reads', async () => {
    const early = new PairFollower(reader.database, 2);
    await follow(SLOW_WRITERS, [early]);
    const late = new PairFollower(reader.database, 1_000);
    await late.look();
    expect(late.seen).toEqual(early.seen);
    expect(await wholeFeed(db.database)).toEqual(early.seen);
  });

  it('loses, repeats and misplaces nothing under any order of slow, aborted and quick transactions', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyStep, { minLength: 5, maxLength: 40 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, limit) => {
          const follower = new PairFollower(reader.database, limit);
          const before = await wholeFeed(db.database);
          const { committed } = await follow(steps, [follower]);
          expect(follower.seen.toSorted()).toEqual([...before, ...committed].toSorted());
          for (const versions of versionsByStream(follower.seen).values())
            expect(versions).toEqual(upTo(versions.length));
        },
      ),
      { numRuns: 15 },
    );
  });

  it('has the events of a stream in the order of their versions, however many writers race for it', async () => {
    const other = await join(db.url);
    endAfterTest(() => other.close());
    const stores = [new EventStore(db.database, NO_PROJECTION), new EventStore(other.database, NO_PROJECTION)];
    const streams = newStreams(4);
    const follower = new PairFollower(reader.database, 7);
    const stopWatching = again(() => follower.look());
    await Promise.all(
      upTo(24).map(async (writer) => {
        const store = stores[writer % 2] as EventStore;
        const stream = streams[writer % 4] as string;
        for (let done = 0; done < 10;)
          if (await store.append(numbered(stream, (await store.load(stream)).length, 1 + (writer % 3)))) done++;
      }),
    );
    await stopWatching();
    await untilAllVisible(db.database);
    await follower.look();
    expect(follower.seen).toHaveLength(480);
    for (const versions of versionsByStream(follower.seen).values()) expect(versions).toEqual(upTo(120));
  });

  it('shows nothing of a transaction that is still open, nor of any later one', async () => {
    const [slow, quick] = newStreams(2) as [string, string];
    const open = await OpenTransaction.begin(db.url);
    await open.append(numbered(slow, 0));
    await new EventStore(db.database, NO_PROJECTION).append(numbered(quick, 0));
    expect(await readFeed(reader.database, FEED_START, 10)).toEqual([]);
    await open.end('commit');
    await untilAllVisible(db.database);
    const events = await readFeed(reader.database, FEED_START, 10);
    expect(events.map(nameOf)).toEqual([`${slow}.1`, `${quick}.1`]);
  });

  it('counts instead of spelling: 9 comes before 10, in transactions and in positions', async () => {
    const [stream] = newStreams(1) as [string];
    // As if the server were young: positions from 98 on, in transactions 9, 10 and 100.
    await db.database.query(`select setval(pg_get_serial_sequence('call_events', 'position'), 97)`);
    await new EventStore(db.database, NO_PROJECTION).append(numbered(stream, 0, 12));
    await db.database.transaction(async (client) => {
      await client.query(`set local outdial.feed_repair = 'on'`);
      await client.query(`update call_events set transaction_id = (array['9', '10', '100'])[(version + 3) / 4]::xid8`);
    });
    const follower = new PairFollower(reader.database, 2);
    await follower.look();
    expect(follower.seen.map((name) => Number(name.split('.')[1]))).toEqual(upTo(12));
  });

  it('gives no more than was asked for, and whole events', async () => {
    const [stream] = newStreams(1) as [string];
    await new EventStore(db.database, NO_PROJECTION).append(numbered(stream, 0, 5, { metadata: { keyId: 'k' } }));
    await untilAllVisible(db.database);
    const events = await readFeed(reader.database, FEED_START, 2);
    const at = { transactionId: expect.stringMatching(/^\d+$/), position: expect.stringMatching(/^\d+$/) };
    const common = { streamId: stream, type: 'n', metadata: { keyId: 'k' }, recordedAt: expect.any(Date), at };
    expect(events).toEqual([
      { ...common, version: 1, data: { n: 1 } },
      { ...common, version: 2, data: { n: 2 } },
    ]);
  });
});
