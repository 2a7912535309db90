import pg from 'pg';
import { createLog } from '../../../src/lib/platform/log.js';
import { Database } from '../../../src/lib/platform/database/database.js';
import { Notifications } from '../../../src/lib/platform/database/notifications.js';
import { openTestDatabase, type TestDatabase, urlOf } from '../../support/database.js';
import { eventually } from '../../support/process.js';

const CHANNELS = ['call_events', 'call_slots', 'webhook_deliveries'] as const;

describe('Wakeups', () => {
  let db: TestDatabase;
  let opened: Notifications[];

  beforeAll(async () => {
    db = await openTestDatabase();
  });

  beforeEach(() => {
    opened = [];
  });

  afterEach(() => Promise.all(opened.map((wakeups) => wakeups.stop())));
  afterAll(() => db.close());

  /** What each process has one of. */
  const open = (): Notifications => {
    const wakeups = new Notifications(db.database, createLog('silent'), CHANNELS);
    opened.push(wakeups);
    return wakeups;
  };
  const until = (what: string, holds: () => boolean | Promise<boolean>) =>
    eventually(what, async () => ((await holds()) ? true : undefined));
  /** Counts the wake-ups of each channel, from when it really listens. */
  const listen = async (wakeups: Notifications) => {
    const heard = { call_events: 0, call_slots: 0, webhook_deliveries: 0, stop: () => undefined as unknown };
    const stops = CHANNELS.map((channel) => wakeups.on(channel, () => heard[channel]++));
    heard.stop = () =>
      stops.map((stop) => {
        stop();
      });
    await until('the first call of each, once it listens', () => heard.call_events > 0 && heard.call_slots > 0);
    return Object.assign(heard, { call_events: 0, call_slots: 0 });
  };

  it('calls everybody once when it begins to listen: something may have happened before', async () => {
    let count = 0;
    open().on('call_slots', () => count++);
    await until('called', () => count === 1);
  });

  it('wakes this process at once and others soon, on that channel only', async () => {
    const [here, there] = [open(), open()];
    const [own, remote] = [await listen(here), await listen(there)];
    here.wake('call_events');
    expect(own).toMatchObject({ call_events: 1, call_slots: 0 });
    await until('told there', () => remote.call_events === 1);
    expect(remote.call_slots).toBe(0);
  });

  it('needs no listener of its own to wake others', async () => {
    const remote = await listen(open());
    open().wake('call_slots');
    await until('told', () => remote.call_slots === 1);
  });

  it('tells the others of many wake-ups together, the last one included', async () => {
    const remote = await listen(open());
    const here = open();
    for (let n = 0; n < 500; n++) here.wake('call_events');
    await until('told', () => remote.call_events === 2);
    // Sent when the second had arrived, so that after it none of the others can follow.
    open().wake('call_slots');
    await until('fence', () => remote.call_slots === 1);
    expect(remote.call_events).toBe(2);
  });

  it('does not call who has stopped listening', async () => {
    const wakeups = open();
    const stays = await listen(wakeups);
    let count = 0;
    const stop = wakeups.on('call_events', () => count++);
    wakeups.wake('call_events');
    stop();
    wakeups.wake('call_events');
    expect(count).toBe(1);
    expect(stays.call_events).toBeGreaterThanOrEqual(2);
  });

  it('listens again after its connection was lost, and calls for what it may have missed', async () => {
    const [here, there] = [open(), open()];
    const remote = await listen(there);
    await db.database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and query like 'listen %'`,
    );
    await until('called after it listens again', () => remote.call_events > 0);
    remote.call_events = 0;
    here.wake('call_events');
    await until('told again', () => remote.call_events > 0);
  });

  it('stops, and gives its connection back', async () => {
    const wakeups = open();
    await listen(wakeups);
    const listeners = () =>
      db.database.query(`select from pg_stat_activity where datname = current_database() and query like 'listen %'`);
    expect(await listeners()).toHaveLength(1);
    await wakeups.stop();
    await until('no connection listens', async () => (await listeners()).length === 0);
    await wakeups.stop();
  });

  it('a database that cannot be reached keeps nobody in this process waiting', async () => {
    const pool = new pg.Pool({ connectionString: urlOf('nowhere') });
    const wakeups = new Notifications(new Database(pool), createLog('silent'), CHANNELS);
    let count = 0;
    wakeups.on('call_events', () => count++);
    wakeups.wake('call_events');
    expect(count).toBe(1);
    await wakeups.stop();
    await pool.end();
  });
});
