import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';

const FOLDER = fileURLToPath(new URL('../../../../migrations', import.meta.url));

/** Processes that migrate one database at the same time exclude each other with this advisory lock. */
const MIGRATION_LOCK = 7_246_331;

/**
 * The versioned migrations: plain SQL files named `<unix ms>-<what>.sql`, in the form that TypeORM runs. They only go
 * forward: the next file corrects a mistake.
 */
export function migrationsFrom(folder = FOLDER): (new () => MigrationInterface)[] {
  return sqlFiles(folder).map((file) => {
    const [timestamp = '', ...words] = basename(file, '.sql').split('-');
    return class implements MigrationInterface {
      // TypeORM reads the order from the 13 digits at the end of the name.
      name = `${words.join('_')}_${timestamp}`;
      async up(runner: QueryRunner): Promise<void> {
        await runner.query(readFileSync(join(folder, file), 'utf8'));
      }
      down(): Promise<void> {
        return Promise.reject(new Error(`${file} is not undone: write a new migration`));
      }
    };
  });
}

/**
 * Applies the missing versioned migrations, then the functions with a changed text. Concurrent processes apply each once.
 * @returns the names of what it applied
 */
export async function migrate(dataSource: DataSource, folder = FOLDER): Promise<string[]> {
  const lock = dataSource.createQueryRunner();
  try {
    await lock.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const applied = await dataSource.runMigrations({ transaction: 'each' });
    return [...applied.map(({ name }) => name), ...(await applyFunctions(dataSource, join(folder, 'functions')))];
  } finally {
    await lock.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    await lock.release();
  }
}

/**
 * Functions and views stand once, in `functions/<name>.sql`, and are created again when their text differs from what the
 * database last ran (ADR 12).
 */
function applyFunctions(dataSource: DataSource, folder: string): Promise<string[]> {
  return dataSource.transaction(async (tx) => {
    await tx.query('create table if not exists applied_functions (name text primary key, hash text not null)');
    // A body may name a function of a later file.
    await tx.query('set local check_function_bodies = off');
    const rows: { name: string; hash: string }[] = await tx.query('select name, hash from applied_functions');
    const known = new Map(rows.map(({ name, hash }) => [name, hash]));
    const applied: string[] = [];
    for (const file of sqlFiles(folder)) {
      const name = basename(file, '.sql');
      const sql = readFileSync(join(folder, file), 'utf8');
      const hash = createHash('sha256').update(sql).digest('hex');
      if (known.get(name) === hash) continue;
      await tx.query(sql);
      await tx.query(
        'insert into applied_functions values ($1, $2) on conflict (name) do update set hash = excluded.hash',
        [name, hash],
      );
      applied.push(name);
    }
    return applied;
  });
}

const sqlFiles = (folder: string): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort();
