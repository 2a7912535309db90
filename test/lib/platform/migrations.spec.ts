import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { migrate, migrationsFrom } from '../../../src/lib/platform/database/migrations.js';
import { schemaText } from '../../../src/lib/platform/database/schema-text.js';
import { onServer, urlOf } from '../../support/database.js';

const NAME = `migrations_${process.env['JEST_WORKER_ID'] ?? '0'}`;
const TWO = 'create or replace function answer() returns int language sql as $$ select 2 $$;';

describe('migrations', () => {
  let folder: string;
  const open: DataSource[] = [];

  /** A process that finds the project's migrations in `folder`. */
  const connect = async (): Promise<DataSource> => {
    const migrations = migrationsFrom(folder);
    open.push(await new DataSource({ type: 'postgres', url: urlOf(NAME), migrations }).initialize());
    return open.at(-1) as DataSource;
  };
  const writeFunction = (sql: string): void => {
    writeFileSync(join(folder, 'functions', 'answer.sql'), sql);
  };
  const answerOf = async (database: DataSource): Promise<number | undefined> =>
    (await database.query<{ answer: number }[]>('select answer()'))[0]?.answer;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'outdial-migrations-'));
    cpSync('migrations', folder, { recursive: true });
    mkdirSync(join(folder, 'functions'), { recursive: true });
    await onServer(`drop database if exists "${NAME}" with (force)`);
    await onServer(`create database "${NAME}" template template0`);
  });

  afterEach(async () => {
    await Promise.all(open.splice(0).map((database) => database.destroy()));
    rmSync(folder, { recursive: true });
  });

  afterAll(() => onServer(`drop database if exists "${NAME}" with (force)`));

  it('give an empty database the schema of schema.sql', async () => {
    const database = await connect();
    await migrate(database, folder);
    expect(await schemaText(database)).toBe(readFileSync('schema.sql', 'utf8'));
  });

  it('bring a database whose functions came from versioned migrations to the same schema', async () => {
    const database = await connect();
    await database.runMigrations();
    // Before functions had files of their own, the versioned migrations created them.
    await database.query('set check_function_bodies = off');
    for (const file of readdirSync(join(folder, 'functions')))
      await database.query(readFileSync(join(folder, 'functions', file), 'utf8'));
    await migrate(database, folder);
    expect(await schemaText(database)).toBe(readFileSync('schema.sql', 'utf8'));
  });

  it('create a function again when its text changes, and not otherwise', async () => {
    const database = await connect();
    writeFunction(TWO.replace('2', '1'));
    expect(await migrate(database, folder)).toContain('answer');
    expect(await migrate(database, folder)).toEqual([]);
    writeFunction(TWO);
    expect(await migrate(database, folder)).toEqual(['answer']);
    expect(await answerOf(database)).toBe(2);
  });

  it('keep the function in force when its new text cannot be run', async () => {
    const database = await connect();
    writeFunction(TWO);
    await migrate(database, folder);
    writeFunction('create or replace function answer() returns int language sql as nonsense');
    await expect(migrate(database, folder)).rejects.toThrow('syntax error');
    expect(await answerOf(database)).toBe(2);
  });

  it('run once when two processes start together', async () => {
    writeFunction(TWO);
    const results = await Promise.all([await connect(), await connect()].map((database) => migrate(database, folder)));
    expect(results.flat().filter((name) => name === 'answer')).toHaveLength(1);
    expect(await answerOf(open[0] as DataSource)).toBe(2);
  });
});
