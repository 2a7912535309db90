import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { type Append, type InlineProjection } from '../../src/lib/event-store/append-statement.js';
import { EventStore } from '../../src/lib/event-store/event-store.js';
import { Database, openDatabase, poolOf } from '../../src/lib/platform/database/database.js';
import { eventually } from './process.js';

/** Events alone, without a read model. */
export const NO_PROJECTION: InlineProjection = { name: 'nothing', ctes: [] };

/** An append of events of type `n`, numbered by their version. */
export function numbered(streamId: string, expectedVersion: number, count = 1, extra: Partial<Append> = {}): Append {
  const events = Array.from({ length: count }, (_, i) => ({ type: 'n', data: { n: expectedVersion + i + 1 } }));
  return { streamId, expectedVersion, events, metadata: {}, payload: {}, ...extra };
}

/** Another process as the database sees it: a pool of its own. */
export interface Participant {
  database: Database;
  pool: pg.Pool;
  close(): Promise<void>;
}

export async function join(url: string, poolSize = 5): Promise<Participant> {
  const dataSource = await openDatabase({ url, poolSize, entities: [] });
  const pool = poolOf(dataSource);
  return { database: new Database(pool), pool, close: () => dataSource.destroy() };
}

/** A transaction that the test holds open for as long as it likes. */
export class OpenTransaction {
  readonly database: Database;

  private constructor(readonly client: pg.Client) {
    this.database = Database.on(client as unknown as pg.PoolClient) as Database;
  }

  static async begin(url: string): Promise<OpenTransaction> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query('begin');
    endAfterTest(() => client.end());
    return new OpenTransaction(client);
  }

  /** Appends as the event store does, without committing. */
  append(append: Append, projection = NO_PROJECTION): Promise<boolean> {
    return new EventStore(this.database, projection).append(append);
  }

  async end(how: 'commit' | 'rollback'): Promise<void> {
    await this.client.query(how);
    await this.client.end();
  }
}

/** Does something again and again; the function returned ends that, once what is under way is done. */
export function again(work: () => Promise<unknown>): () => Promise<void> {
  const ending = new AbortController();
  const running = (async () => {
    while (!ending.signal.aborted) await work();
  })();
  // `stop` reports its failure.
  running.catch(() => undefined);
  const stop = () => {
    ending.abort();
    return running;
  };
  endAfterTest(() => stop().catch(() => undefined));
  return stop;
}

const endings: (() => unknown)[] = [];

/** Ends something after the test, which may fail at any point: it is to fail alone. The last is ended first. */
export function endAfterTest(end: () => unknown): void {
  endings.push(end);
}

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** Waits until this many sessions of the database wait for a lock that another one holds. */
export async function untilWaiting(database: Database, sessions: number): Promise<void> {
  await eventually(`${sessions} waiting for a lock`, async () => {
    const waiting = await database.query(
      `select 1 from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock' and cardinality(pg_blocking_pids(pid)) > 0`,
    );
    return waiting.length >= sessions ? true : undefined;
  });
}

/** Cuts the connections that match a condition over `pg_stat_activity`. Returns how many there were. */
export async function cutConnections(database: Database, condition: string): Promise<number> {
  const cut = await database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and (${condition})`,
  );
  return cut.length;
}

/** Waits until readers may see all that is stored: transactions of other databases on the server hold that back too. */
export async function untilAllVisible(database: Database): Promise<void> {
  await eventually('all events visible', async () => {
    const [row] = await database.query<{ visible: boolean }>(
      'select coalesce(max(transaction_id) < pg_snapshot_xmin(pg_current_snapshot()), true) as visible from call_events',
    );
    return row?.visible ? true : undefined;
  });
}

/** Empties the log. */
export async function eraseEvents(database: Database): Promise<void> {
  await database.transaction(async (client) => {
    await client.query(`set local outdial.erase_reason = 'next test'`);
    await client.query('delete from call_events');
  });
}

/** Every stored event in the order of the feed, as `<stream>.<version>`. */
export async function wholeFeed(database: Database): Promise<string[]> {
  const rows = await database.query<{ event: string }>(
    `select stream_id || '.' || version as event from call_events order by transaction_id, position`,
  );
  return rows.map(({ event }) => event);
}

export const nameOf = ({ streamId, version }: { streamId: string; version: number }): string =>
  `${streamId}.${version}`;

/** Versions by stream, in the order in which the events come. */
export function versionsByStream(names: readonly string[]): Map<string, number[]> {
  const streams = new Map<string, number[]>();
  for (const name of names) {
    const [stream = '', version] = name.split('.');
    streams.set(stream, [...(streams.get(stream) ?? []), Number(version)]);
  }
  return streams;
}

/** 1, 2, … as a stream's versions must be. */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

export const newStreams = (count: number): string[] => Array.from({ length: count }, () => randomUUID());
