import { EventStore } from '../../../src/lib/event-store/event-store.js';
import {
  FEED_START,
  type FeedEvent,
  needsRepair,
  readFeed,
  repairFeedAfterRestore,
} from '../../../src/lib/event-store/feed.js';
import { Subscription } from '../../../src/lib/event-store/subscription.js';
import { createLog } from '../../../src/lib/platform/log.js';
import { type Database, openDatabase } from '../../../src/lib/platform/database/database.js';
import { migrate } from '../../../src/lib/platform/database/migrations.js';
import { startEmbeddedPostgres } from '../../../src/lib/embedded-postgres/launcher.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import {
  eraseEvents,
  join,
  newStreams,
  nameOf,
  NO_PROJECTION,
  numbered,
  type Participant,
  untilAllVisible,
  upTo,
  versionsByStream,
  wholeFeed,
} from '../../support/event-log.js';
import { FeedWorkload, SLOW_WRITERS } from '../../support/feed-workload.js';
import { temporaryFolder } from '../../support/process.js';

const log = createLog('silent');

/** A second server that has just been made, so that its transaction ids are low. */
async function newCluster(): Promise<Participant> {
  const folder = temporaryFolder();
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', shared_buffers: '16MB' };
  const postgres = await startEmbeddedPostgres({ dataDir: folder.path, settings });
  const dataSource = await openDatabase({ url: postgres.url, poolSize: 2, entities: [] });
  await migrate(dataSource);
  await dataSource.destroy();
  const participant = await join(postgres.url);
  const close = async () => {
    await participant.close();
    await postgres.stop();
    folder.remove();
  };
  return { ...participant, close };
}

/** Writes into an emptied database what a dump of another one carries, stored transaction ids included. */
async function restore(from: Database, to: Database): Promise<void> {
  const [dump] = await from.query<{ events: string; checkpoints: string; last: string }>(
    `select (select json_agg(e)::text from call_events e) as events,
       (select json_agg(c)::text from feed_checkpoints c) as checkpoints,
       (select last_value::text from pg_sequences where sequencename = 'call_events_position_seq') as last`,
  );
  await eraseEvents(to);
  await to.query('delete from feed_checkpoints');
  await to.query('insert into feed_checkpoints select * from json_populate_recordset(null::feed_checkpoints, $1)', [
    dump?.checkpoints,
  ]);
  await to.query(
    `insert into call_events overriding system value
     select * from json_populate_recordset(null::call_events, $1) order by stream_id, version`,
    [dump?.events],
  );
  await to.query(`select setval('call_events_position_seq', $1::bigint)`, [dump?.last]);
}

/** What a reader handles from its checkpoint on, up to the end or this many batches of seven. */
async function readOn(database: Database, name: string, batches = Infinity): Promise<string[]> {
  const seen: string[] = [];
  const handle = (events: readonly FeedEvent[]) => Promise.resolve(void seen.push(...events.map(nameOf)));
  const subscription = new Subscription(database, log, { name, handle }, { batchSize: 7 });
  for (let batch = 0; batch < batches; batch++) if ((await subscription.handleNext()) === 0) break;
  return seen;
}

describe('A dump restored into a new cluster', () => {
  let old: TestDatabase;
  let restored: Participant;
  /** The feed of the old server, and of each reader there how many of these events it has handled. */
  let feed: string[];
  let handled: Map<string, number>;

  beforeAll(async () => {
    [old, restored] = await Promise.all([openTestDatabase(), newCluster()]);
    // A server that has been at work for a while.
    await old.database.query(
      'do $$ begin for i in 1..20000 loop perform pg_current_xact_id(); commit; end loop; end $$',
    );
    const workload = new FeedWorkload(old.url, []);
    for (const step of SLOW_WRITERS.slice(0, 40)) await workload.run(step);
    await workload.endAll();
    await untilAllVisible(old.database);
    feed = await wholeFeed(old.database);
    handled = new Map();
    for (const batches of [0, 1, 4, Infinity]) {
      const reader = `reader that handled ${batches} batches`;
      handled.set(reader, (await readOn(old.database, reader, batches)).length);
    }
    await stopReadersAtEveryEvent();
    await eraseSomeEvents();
  });

  afterAll(async () => {
    await restored.close();
    await old.close();
  });

  beforeEach(() => restore(old.database, restored.database));

  /** What `Subscription` leaves behind of readers that got to event 1, 2, 3 and so on. */
  async function stopReadersAtEveryEvent(): Promise<void> {
    await old.database.query(
      `insert into feed_checkpoints (name, transaction_id, position)
       select 'reader at event ' || row_number() over (order by transaction_id, position), transaction_id, position
       from call_events`,
    );
    for (const place of upTo(feed.length)) handled.set(`reader at event ${place}`, place);
  }

  /** The law may ask for events to go, those that a checkpoint names as well. */
  async function eraseSomeEvents(): Promise<void> {
    const gone = feed[20]?.split('.')[0] ?? '';
    await old.database.transaction(async (client) => {
      await client.query(`set local outdial.erase_reason = 'asked for'`);
      await client.query('delete from call_events where stream_id = $1', [gone]);
    });
    for (const [reader, count] of handled)
      handled.set(reader, feed.slice(0, count).filter((name) => !name.startsWith(gone)).length);
    feed = feed.filter((name) => !name.startsWith(gone));
  }

  /** Appends to restored streams and to new ones; returns the events in the order of the feed. */
  async function appendMore(): Promise<string[]> {
    const store = new EventStore(restored.database, NO_PROJECTION);
    const appended: string[] = [];
    const streams = [...versionsByStream(await wholeFeed(restored.database)).keys()].slice(0, 5);
    for (const streamId of [...streams, ...newStreams(5)]) {
      const version = (await store.load(streamId)).length;
      expect(await store.append(numbered(streamId, version, 2))).toBe(true);
      appended.push(...[1, 2].map((more) => nameOf({ streamId, version: version + more })));
    }
    await untilAllVisible(restored.database);
    return appended;
  }

  it('needs repair: its events lie in the future, where no reader may look', async () => {
    expect(await needsRepair(restored.database)).toBe(true);
    expect(await readFeed(restored.database, FEED_START, 1_000)).toEqual([]);
  });

  it('has the same feed after the repair as before, and needs none any more', async () => {
    expect(await repairFeedAfterRestore(restored.database)).toBe(feed.length);
    expect(await needsRepair(restored.database)).toBe(false);
    const events = await readFeed(restored.database, FEED_START, 1_000);
    expect(events.map(nameOf)).toEqual(feed);
  });

  it('gives every reader exactly what it had not handled, then what is new, in order', async () => {
    await repairFeedAfterRestore(restored.database);
    const appended = await appendMore();
    for (const [reader, count] of handled)
      expect([reader, await readOn(restored.database, reader)]).toEqual([reader, [...feed.slice(count), ...appended]]);
  });

  it('keeps every event as it was', async () => {
    const facts = `select stream_id, version, type, data, metadata, recorded_at from call_events order by 1, 2`;
    await repairFeedAfterRestore(restored.database);
    expect(await restored.database.query(facts)).toEqual(await old.database.query(facts));
  });

  it('can be repaired again, at any time, without a change for any reader', async () => {
    await repairFeedAfterRestore(restored.database);
    const appended = await appendMore();
    const places = new Map<string, number>();
    for (const [reader, count] of handled)
      places.set(reader, count + (await readOn(restored.database, reader, 2)).length);
    const everything = [...feed, ...appended];
    expect(await repairFeedAfterRestore(restored.database)).toBe(everything.length);
    expect(await wholeFeed(restored.database)).toEqual(everything);
    const [last] = await appendMore();
    for (const [reader, count] of places) {
      const seen = await readOn(restored.database, reader);
      expect([reader, seen.slice(0, everything.length - count)]).toEqual([reader, everything.slice(count)]);
      expect(seen[everything.length - count]).toBe(last);
    }
  });

  it('needs repair for a checkpoint alone that lies in the future', async () => {
    await repairFeedAfterRestore(restored.database);
    await restored.database.query(
      `update feed_checkpoints set transaction_id = '1000000000000' where name like '%Infinity%'`,
    );
    expect(await needsRepair(restored.database)).toBe(true);
    await repairFeedAfterRestore(restored.database);
    expect(await needsRepair(restored.database)).toBe(false);
  });

  it('does not call a server in need of repair that is at work or empty', async () => {
    expect(await needsRepair(old.database)).toBe(false);
    await eraseEvents(restored.database);
    await restored.database.query('delete from feed_checkpoints');
    expect(await needsRepair(restored.database)).toBe(false);
  });
});
