import { EventStore } from '../../../src/lib/event-store/event-store.js';
import { type FeedEvent } from '../../../src/lib/event-store/feed.js';
import { Subscription, type SubscriptionOptions } from '../../../src/lib/event-store/subscription.js';
import { createLog } from '../../../src/lib/platform/log.js';
import { type Database } from '../../../src/lib/platform/database/database.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import {
  cutConnections,
  eraseEvents,
  join,
  newStreams,
  nameOf,
  NO_PROJECTION,
  numbered,
  type Participant,
  untilAllVisible,
  upTo,
  wholeFeed,
} from '../../support/event-log.js';
import { eventually } from '../../support/process.js';

const log = createLog('silent');
const TEN_MINUTES = 600_000;

const until = (what: string, condition: () => boolean) =>
  eventually(what, () => Promise.resolve(condition() || undefined));

/** A door that a handler waits at until the test opens it. */
class Gate {
  readonly opened: Promise<void>;
  open: () => void = () => undefined;

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

describe('Subscription', () => {
  let db: TestDatabase;
  let other: Participant;
  let store: EventStore;
  let running: Subscription[];
  let name = 'reader 0';
  let tests = 0;

  beforeAll(async () => {
    db = await openTestDatabase();
    other = await join(db.url);
    store = new EventStore(db.database, NO_PROJECTION);
  });

  afterAll(async () => {
    await other.close();
    await db.close();
  });

  beforeEach(async () => {
    running = [];
    name = `reader ${++tests}`;
    await eraseEvents(db.database);
  });

  afterEach(() => Promise.all(running.map((subscription) => subscription.stop())));

  /** A reader of this test, with batches of four. */
  function subscribe(
    handler: (names: string[]) => void | Promise<void>,
    { database = db.database, ...options }: SubscriptionOptions & { database?: Database } = {},
  ): Subscription {
    const handle = async (events: readonly FeedEvent[]) => handler(events.map(nameOf));
    const settings = { pollMs: 10, retryMs: 10, batchSize: 4, ...options };
    const subscription = new Subscription(database, log, { name, handle }, settings);
    running.push(subscription);
    return subscription;
  }

  /** Appends to a new stream this many events, each in a transaction of its own, and waits until readers may see them. */
  async function write(count: number): Promise<string[]> {
    const [streamId] = newStreams(1) as [string];
    for (const version of upTo(count)) await store.append(numbered(streamId, version - 1));
    await untilAllVisible(db.database);
    return upTo(count).map((version) => nameOf({ streamId, version }));
  }

  /** The event that the reader of this test has got to. */
  const checkpoint = async () => {
    const [row] = await other.database.query<{ at: string }>(
      `select e.stream_id || '.' || e.version as at from feed_checkpoints c
       join call_events e using (transaction_id, position) where c.name = $1`,
      [name],
    );
    return row?.at;
  };

  describe('hands over', () => {
    it('every event in the order of the feed, those that come later as well', async () => {
      const seen: string[] = [];
      await write(10);
      subscribe((names) => void seen.push(...names)).start();
      await until('the first', () => seen.length >= 10);
      await write(25);
      await until('the rest', () => seen.length >= 35);
      expect(seen).toEqual(await wholeFeed(db.database));
    });

    it('as many at once as was asked for, and says how many', async () => {
      const written = await write(10);
      const batches: string[][] = [];
      const subscription = subscribe((names) => void batches.push(names));
      const counts = [];
      for (const _ of upTo(4)) counts.push(await subscription.handleNext());
      expect(counts).toEqual([4, 4, 2, 0]);
      expect(batches).toEqual([written.slice(0, 4), written.slice(4, 8), written.slice(8)]);
    });

    it('nothing again after a restart', async () => {
      const written = await write(7);
      const seen: string[] = [];
      await subscribe((names) => void seen.push(...names)).handleNext();
      expect(await checkpoint()).toBe(written[3]);
      await subscribe((names) => void seen.push(...names), { database: other.database }).handleNext();
      expect(seen).toEqual(written);
    });

    it('to each reader everything, whatever the others have seen', async () => {
      const written = await write(4);
      await subscribe(() => undefined).handleNext();
      name = `${name}, another`;
      const seen: string[] = [];
      await subscribe((names) => void seen.push(...names)).handleNext();
      expect(seen).toEqual(written);
    });
  });

  describe('repeats the batch', () => {
    it('when the handler throws after its effect, until it succeeds', async () => {
      const written = await write(8);
      const batches: string[][] = [];
      let failures = 3;
      subscribe((names) => {
        batches.push(names);
        if (batches.length > 1 && failures-- > 0) throw new Error('after the effect');
      }).start();
      await until('everything', () => batches.length >= 5);
      const [first, second] = [written.slice(0, 4), written.slice(4)];
      expect(batches).toEqual([first, second, second, second, second]);
    });

    it('and keeps the checkpoint before it when the handler throws', async () => {
      const written = await write(8);
      let failing = false;
      const subscription = subscribe(() => {
        if (failing) throw new Error('no');
      });
      await subscription.handleNext();
      failing = true;
      await expect(subscription.handleNext()).rejects.toThrow('no');
      expect(await checkpoint()).toBe(written[3]);
    });

    it('when its connection is cut between handling and checkpoint', async () => {
      const written = await write(8);
      const batches: string[][] = [];
      subscribe(async (names) => {
        batches.push(names);
        if (batches.length === 2) expect(await cutConnections(other.database, `state = 'idle in transaction'`)).toBe(1);
      }).start();
      await until('the repetition', () => batches.length >= 3);
      const [first, second] = [written.slice(0, 4), written.slice(4)];
      expect(batches).toEqual([first, second, second]);
      await eventually('checkpoint', async () => ((await checkpoint()) === written[7] ? true : undefined));
    });

    it('in another process when the one that handled it is gone', async () => {
      const written = await write(4);
      const batches: string[][] = [];
      const doomed = subscribe(async (names) => {
        batches.push(names);
        await cutConnections(other.database, `state = 'idle in transaction'`);
      });
      await expect(doomed.handleNext()).rejects.toThrow();
      expect(await subscribe((names) => void batches.push(names), { database: other.database }).handleNext()).toBe(4);
      expect(batches).toEqual([written, written]);
    });
  });

  describe('in two processes', () => {
    it('handles in one at a time: the other finds nothing to do while a batch is under way', async () => {
      const written = await write(8);
      const gate = new Gate();
      const seen: string[] = [];
      let begun = false;
      const first = subscribe(async (names) => {
        begun = true;
        await gate.opened;
        seen.push(...names);
      });
      const second = subscribe((names) => void seen.push(...names), { database: other.database });
      const handling = first.handleNext();
      await until('the first began', () => begun);
      expect(await second.handleNext()).toBe(0);
      expect(seen).toEqual([]);
      gate.open();
      expect(await handling).toBe(4);
      expect(await second.handleNext()).toBe(4);
      expect(seen).toEqual(written);
    });

    it('hands over each event once and in order between them', async () => {
      const seen: string[] = [];
      let busy = 0;
      let most = 0;
      const handler = async (names: string[]) => {
        most = Math.max(most, ++busy);
        await db.database.query('select 1');
        seen.push(...names);
        busy--;
      };
      const databases = [db.database, other.database, db.database, other.database];
      for (const database of databases) subscribe(handler, { database, pollMs: 1 }).start();
      for (const _ of upTo(10)) await write(12);
      await until('everything', () => seen.length >= 120);
      expect(seen).toEqual(await wholeFeed(db.database));
      expect(most).toBe(1);
    });
  });

  describe('stop()', () => {
    it('resolves when the batch under way is handled and remembered, and begins no other', async () => {
      const written = await write(8);
      const gate = new Gate();
      const seen: string[] = [];
      const subscription = subscribe(async (names) => {
        seen.push(...names);
        await gate.opened;
      });
      subscription.start();
      await until('a batch', () => seen.length > 0);
      let stopped = false;
      const stopping = subscription.stop().then(() => (stopped = true));
      for (const _ of upTo(10)) await db.database.query('select 1');
      expect(stopped).toBe(false);
      gate.open();
      await stopping;
      expect(await checkpoint()).toBe(written[3]);
      expect(seen).toEqual(written.slice(0, 4));
    });

    it('does not wait for the next poll, nor for the next try', async () => {
      await write(1);
      const idle = subscribe(() => undefined, { pollMs: TEN_MINUTES });
      idle.start();
      await eventually('handled', checkpoint);
      await idle.stop();
      name = `${name}, failing`;
      let tries = 0;
      const failing = subscribe(() => Promise.reject(new Error(`no ${++tries}`)), { retryMs: TEN_MINUTES });
      failing.start();
      await until('a try', () => tries > 0);
      await failing.stop();
      expect(tries).toBe(1);
    });
  });

  it('wake() makes it look at once', async () => {
    const seen: string[] = [];
    const subscription = subscribe((names) => void seen.push(...names), { pollMs: TEN_MINUTES });
    subscription.start();
    for (const count of upTo(10)) {
      await write(1);
      subscription.wake();
      await until(`event ${count}`, () => seen.length >= count);
    }
    expect(seen).toEqual(await wholeFeed(db.database));
  });
});
