import pg from 'pg';
import { type DataSource } from 'typeorm';
import { ENTITIES } from '../../src/app/app.module.js';
import { Database, openDatabase, poolOf } from '../../src/lib/platform/database/database.js';

/** The address of another database on the server of this test run. */
export function urlOf(database: string): string {
  const url = new URL(process.env['TEST_POSTGRES_URL'] ?? '');
  url.pathname = `/${database}`;
  return url.href;
}

/** Runs SQL on the server's maintenance database. */
export async function onServer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf('postgres') });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Makes a migrated database under a name, in place of one that has it. */
export async function cloneDatabase(name: string): Promise<string> {
  await onServer(`drop database if exists "${name}" with (force)`);
  await onServer(`create database "${name}" template outdial`);
  return urlOf(name);
}

export interface TestDatabase {
  url: string;
  dataSource: DataSource;
  database: Database;
  close(): Promise<void>;
}

/** A migrated, empty database of this jest worker's own. Close it at the end of the file. */
export async function openTestDatabase(name = `worker_${process.env['JEST_WORKER_ID'] ?? '0'}`): Promise<TestDatabase> {
  const url = await cloneDatabase(name);
  const dataSource = await openDatabase({ url, poolSize: 20, entities: ENTITIES as never });
  return { url, dataSource, database: new Database(poolOf(dataSource)), close: () => dataSource.destroy() };
}
