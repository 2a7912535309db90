// One PostgreSQL for the whole run, with durability off, and one migrated database to clone from. `pretest` has built dist.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import 'reflect-metadata';

export default async function () {
  const { startEmbeddedPostgres } = await import('../../dist/lib/embedded-postgres/index.js');
  const { migrate, openDatabase } = await import('../../dist/lib/platform/index.js');
  // No autovacuum: its worker is the superuser's, and a database that one visits cannot be dropped by force.
  const dataDir = mkdtempSync(join(tmpdir(), 'outdial-test-'));
  const postgres = await startEmbeddedPostgres({
    dataDir,
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', autovacuum: 'off' },
  });
  // The database that comes with the server becomes the template: nobody may be connected while it is cloned.
  const template = await openDatabase({ url: postgres.url, poolSize: 4, entities: [] });
  await migrate(template);
  await template.destroy();
  process.env.TEST_POSTGRES_URL = postgres.url;
  globalThis.testPostgres = { postgres, dataDir };
}
