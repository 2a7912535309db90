import pg from 'pg';
import { DataSource, type EntitySchema, type MixedList } from 'typeorm';
import { migrationsFrom } from './migrations.js';

/** A statement that PostgreSQL plans once a connection, known by its name from then on. */
export interface NamedStatement {
  name: string;
  text: string;
}

/** Plain SQL for the hot paths, on the connections that TypeORM's repositories use as well. */
export class Database {
  constructor(private readonly pool: pg.Pool) {}

  /** The same verbs inside a transaction that is already open. */
  static on(client: pg.PoolClient): Pick<Database, 'query'> {
    return new Database(client as unknown as pg.Pool);
  }

  async query<R extends object>(statement: NamedStatement | string, values: readonly unknown[] = []): Promise<R[]> {
    const config = typeof statement === 'string' ? { text: statement } : statement;
    const result = await this.pool.query<R & pg.QueryResultRow>({ ...config, values: [...values] });
    return result.rows;
  }

  /** Runs `work` on a connection of its own, which is closed afterwards. */
  async session<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    try {
      return await work(client);
    } finally {
      client.release(true);
    }
  }

  /** Runs `work` in one transaction on one connection; an error rolls back and is thrown on. */
  async transaction<T>(work: (client: pg.PoolClient) => Promise<T>, begin = 'begin'): Promise<T> {
    const client = await this.pool.connect();
    let broken: unknown;
    // A connection that breaks between two statements says so by an event; without a listener that ends the process.
    const onError = (error: unknown) => {
      broken = error;
    };
    client.on('error', onError);
    try {
      await client.query(begin);
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch((rollbackError: unknown) => {
        broken = rollbackError;
      });
      throw error;
    } finally {
      client.off('error', onError);
      client.release(broken !== undefined);
    }
  }
}

export interface DatabaseOptions {
  url: string;
  poolSize: number;
  entities: MixedList<string | EntitySchema | (abstract new (...args: never[]) => object)>;
}

/**
 * Connects. Migrations are not run.
 * @throws Error in one line that names server and reason, without the password
 */
export async function openDatabase({ url, poolSize, entities }: DatabaseOptions): Promise<DataSource> {
  const dataSource = new DataSource({
    type: 'postgres',
    url,
    entities: entities as never,
    migrations: migrationsFrom(),
    migrationsTableName: 'migrations',
    synchronize: false,
    logging: false,
    poolSize,
    connectTimeoutMS: 5_000,
    applicationName: 'outdial',
    extra: { keepAlive: true, idleTimeoutMillis: 60_000 },
  });
  try {
    return await dataSource.initialize();
  } catch (error) {
    throw new Error(`Cannot use the database at ${addressOf(url)}: ${reasonOf(error)}`);
  }
}

/** The pool below a connected DataSource. */
export const poolOf = (dataSource: DataSource): pg.Pool => (dataSource.driver as unknown as { master: pg.Pool }).master;

function addressOf(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}:${port || '5432'}${pathname}`;
}

/** Node reports a failed connection to each address of a name in `errors`, and leaves `message` empty. */
function reasonOf(error: unknown): string {
  const { message, code, errors } = error as Error & { code?: string; errors?: Error[] };
  return message || errors?.map((each) => each.message).join(', ') || code || 'no reason given';
}

/**
 * Whether the database refused a statement, in which case nothing of it happened. When the connection broke or the
 * server was shutting down, it may or may not have.
 */
export const isRefusedByDatabase = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && !/^(57P|08)/.test(error.code ?? '');

/** Whether the database could not be asked at all, or went away while it was. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return /^(57P|08|53)/.test(error.code ?? '');
  const { code, message } = (error ?? {}) as { code?: string; message?: string };
  return (
    /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN)/.test(code ?? '') ||
    /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered)/.test(message ?? '')
  );
}

/** The name of the unique or foreign key constraint that refused a write, if one did. */
export function violatedConstraint(error: unknown): string | undefined {
  const cause = (error as { driverError?: unknown } | undefined)?.driverError ?? error;
  return cause instanceof pg.DatabaseError && /^23/.test(cause.code ?? '') ? cause.constraint : undefined;
}
