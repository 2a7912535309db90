import { NestFactory } from '@nestjs/core';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { type DataSource } from 'typeorm';
import { API_INFO } from './api-info.js';
import { AppModule, ENTITIES } from './app.module.js';
import { GREETING_UPLOAD } from '../agents/index.js';
import { TURNS_TABLE } from '../calls/index.js';
import { type Config } from '../config/config.js';
import { DOCUMENT_UPLOAD } from '../knowledge/index.js';
import { needsRepair } from '../lib/event-store/index.js';
import {
  Database,
  FastExpressAdapter,
  type Log,
  migrate,
  nestLogger,
  openDatabase,
  poolOf,
  serveOpenApi,
  setUpHttp,
} from '../lib/platform/index.js';
import { startEmbeddedPostgres } from '../lib/embedded-postgres/index.js';

/** A connected and migrated database, with the function that releases it. */
export interface OpenedDatabase {
  dataSource: DataSource;
  url: string;
  isEmbedded: boolean;
  /** Names of the migrations that were applied just now. */
  migrated: string[];
  close(): Promise<void>;
}

/**
 * Connects to `DATABASE_URL`, or else to the embedded PostgreSQL in `DATA_DIR`, and applies missing migrations.
 * @throws Error in one line for a person
 */
export async function openConfiguredDatabase(config: Config): Promise<OpenedDatabase> {
  const embedded =
    config.databaseUrl === undefined ? await startEmbeddedPostgres({ dataDir: config.dataDir }) : undefined;
  try {
    const url = config.databaseUrl ?? embedded?.url ?? '';
    const dataSource = await openDatabase({ url, poolSize: config.databasePoolSize, entities: ENTITIES as never });
    const close = async () => {
      if (dataSource.isInitialized) await dataSource.destroy();
      await embedded?.stop();
    };
    try {
      return { dataSource, url, isEmbedded: embedded !== undefined, migrated: await migrate(dataSource), close };
    } catch (error) {
      await dataSource.destroy();
      throw error;
    }
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}

/** Builds the application on an open database; it does not listen yet. */
export async function createApplication(
  config: Config,
  database: Pick<OpenedDatabase, 'dataSource' | 'url'>,
  log: Log,
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.forRoot(config, database, log),
    new FastExpressAdapter(),
    { logger: nestLogger(log), bodyParser: false, abortOnError: false },
  );
  setUpHttp(app, { corsOrigins: config.corsOrigins, uploads: [GREETING_UPLOAD, DOCUMENT_UPLOAD] });
  if (config.roles.includes('api')) serveOpenApi(app, API_INFO);
  return app;
}

/** @throws Error when the feed's order is that of another cluster */
export async function assertFeedInOrder(dataSource: DataSource): Promise<void> {
  if (await needsRepair(new Database(poolOf(dataSource)), [TURNS_TABLE]))
    throw new Error(
      'The database was restored from another cluster. Run `npm run -s cli -- feed:after-restore` once, then start again',
    );
}
