import { EventStore } from '../../../src/lib/event-store/event-store.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { newStreams, NO_PROJECTION, numbered } from '../../support/event-log.js';

const REFUSED = { code: '23001', message: expect.stringContaining('call_events rows are immutable') };

describe('Stored events', () => {
  let db: TestDatabase;
  let store: EventStore;
  let stream: string;

  beforeAll(async () => {
    db = await openTestDatabase();
    store = new EventStore(db.database, NO_PROJECTION);
  });

  afterAll(() => db.close());

  beforeEach(async () => {
    stream = newStreams(1)[0]!;
    await store.append(numbered(stream, 0, 3, { metadata: { keyId: 'k' } }));
  });

  /** Runs SQL in one transaction with a setting of its own. */
  const inTransaction = (setting: string, sql: string) =>
    db.database.transaction(async (client) => {
      await client.query(`set local ${setting}`);
      return client.query(sql);
    });

  it.each([
    'update call_events set data = data',
    `update call_events set type = 'call.ended'`,
    'update call_events set version = version + 100',
    `update call_events set recorded_at = now()`,
    'delete from call_events',
    'truncate call_events',
    'truncate call_events cascade',
  ])('cannot be changed: %s', async (sql) => {
    const before = await store.load(stream);
    await expect(db.database.query(sql)).rejects.toMatchObject(REFUSED);
    expect(await store.load(stream)).toEqual(before);
  });

  it('cannot be changed by naming a reason, nor truncated with one', async () => {
    const because = `outdial.erase_reason = 'because'`;
    await expect(inTransaction(because, 'update call_events set data = data')).rejects.toMatchObject(REFUSED);
    await expect(inTransaction(because, 'truncate call_events')).rejects.toMatchObject(REFUSED);
  });

  it('cannot be deleted for an empty reason, or under the switch that mends the feed', async () => {
    for (const setting of [`outdial.erase_reason = ''`, `outdial.feed_repair = 'on'`])
      await expect(inTransaction(setting, 'delete from call_events')).rejects.toMatchObject(REFUSED);
    expect(await store.load(stream)).toHaveLength(3);
  });

  it('can be erased for a reason, which leaves a trace of what, why and by whom', async () => {
    const erase = `delete from call_events where stream_id = '${stream}'`;
    await inTransaction(`outdial.erase_reason = 'GDPR art. 17, ticket 4711'`, erase);
    expect(await store.load(stream)).toEqual([]);
    const trace = { stream_id: stream, type: 'n', reason: 'GDPR art. 17, ticket 4711', erased_at: expect.any(Date) };
    const [user] = await db.database.query<{ name: string }>('select session_user as name');
    expect(
      await db.database.query('select * from call_event_erasures where stream_id = $1 order by version', [stream]),
    ).toEqual([1, 2, 3].map((version) => ({ ...trace, version, erased_by: user?.name })));
  });

  it('are kept again as soon as the transaction with the reason has ended', async () => {
    await db.database.transaction(async (client) => {
      await client.query(`set local outdial.erase_reason = 'once'`);
      await client.query('commit; begin');
      await expect(client.query('delete from call_events')).rejects.toMatchObject(REFUSED);
      await client.query('rollback; begin');
    });
    expect(await store.load(stream)).toHaveLength(3);
  });

  it('leave no trace of an erasure that was rolled back', async () => {
    const attempt = db.database.transaction(async (client) => {
      await client.query(`set local outdial.erase_reason = 'never mind'`);
      await client.query('delete from call_events where stream_id = $1', [stream]);
      throw new Error('changed my mind');
    });
    await expect(attempt).rejects.toThrow('changed my mind');
    expect(await store.load(stream)).toHaveLength(3);
    expect(await db.database.query(`select 1 from call_event_erasures where reason = 'never mind'`)).toEqual([]);
  });

  it('keep what they say while the feed is mended', async () => {
    const before = await store.load(stream);
    await inTransaction(
      `outdial.feed_repair = 'on'`,
      `update call_events set transaction_id = '7', type = 'x', data = '{}', metadata = '{}', version = version + 9,
         stream_id = gen_random_uuid(), recorded_at = 'epoch' where stream_id = '${stream}'`,
    );
    expect(await store.load(stream)).toEqual(before);
    const moved = 'select distinct transaction_id::text as id from call_events where stream_id = $1';
    expect(await db.database.query(moved, [stream])).toEqual([{ id: '7' }]);
  });
});
