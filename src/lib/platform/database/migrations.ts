import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';

const FOLDER = fileURLToPath(new URL('../../../../migrations', import.meta.url));

/** Any two processes that migrate one database at the same time agree on this number. */
const MIGRATION_LOCK = 7_246_331;

/**
 * The migrations of the project: plain SQL files named `<unix ms>-<what>.sql`, given to TypeORM in the form it runs.
 * They only go forward: a mistake is mended by the next file.
 */
export function migrationsFrom(folder = FOLDER): (new () => MigrationInterface)[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => {
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

/** Applies what is missing, once however many processes start together. Returns the names of what it applied. */
export async function migrate(dataSource: DataSource): Promise<string[]> {
  const lock = dataSource.createQueryRunner();
  try {
    await lock.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const applied = await dataSource.runMigrations({ transaction: 'each' });
    return applied.map(({ name }) => name);
  } finally {
    await lock.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    await lock.release();
  }
}
