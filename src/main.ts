import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { type NestExpressApplication } from '@nestjs/platform-express';
import {
  assertFeedInOrder,
  createApplication,
  type OpenedDatabase,
  openConfiguredDatabase,
} from './app/application.js';
import { RecordingLinks } from './calls/index.js';
import { type Config, loadConfig } from './config/config.js';
import { DemoData, demoGuide } from './app/demo-data.js';
import { listenOn } from './app/listen.js';
import { assertRedis, createLog } from './lib/platform/index.js';

/** How long requests under way may take to end after the signal to stop. */
const SHUTDOWN_TIMEOUT_MS = 10_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<void> {
  const config = loadConfig();
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(1);
      stop.abort();
    });
  if (config.redisUrl !== undefined && config.roles.includes('worker')) await assertRedis(config.redisUrl);
  const database = await openConfiguredDatabase(config);
  try {
    await serve(config, database, stop.signal);
  } finally {
    await database.close();
  }
}

async function serve(config: Config, database: OpenedDatabase, stop: AbortSignal): Promise<void> {
  await assertFeedInOrder(database.dataSource);
  const app = await createApplication(config, database, createLog(config.logLevel));
  try {
    const url = await listenOn(app, config);
    if (config.roles.includes('api')) app.get(RecordingLinks, { strict: false }).servedAt(url);
    const demo = database.isEmbedded ? await app.get(DemoData).createOnce() : undefined;
    welcome(config, database, url);
    if (demo) say(demoGuide(demo, url));
    if (!stop.aborted)
      await new Promise((resolve) => {
        stop.addEventListener('abort', resolve);
      });
    say('Stopping.');
  } finally {
    await closeWithin(app, SHUTDOWN_TIMEOUT_MS);
  }
}

function welcome(config: Config, database: OpenedDatabase, url: string): void {
  const where = database.isEmbedded ? `embedded PostgreSQL in ${config.dataDir}` : 'PostgreSQL at DATABASE_URL';
  const applied = database.migrated.length > 0 ? `, ${database.migrated.length} migrations applied` : '';
  say(`Outdial serves ${url} (${config.roles.join(' and ')}; ${where}${applied})`);
  if (config.roles.includes('api')) say(`  API reference and try-out  ${url}/docs`);
  say(`  Create a key               npm run -s cli -- key:create --help`);
  say('  Stop                       Ctrl-C');
}

/** Takes no new requests and lets those under way end; past the limit their connections are cut. */
async function closeWithin(app: NestExpressApplication, limitMs: number): Promise<void> {
  const server = app.getHttpServer();
  const timer = setTimeout(() => {
    server.closeAllConnections();
  }, limitMs);
  // A queue that cannot be reached must not keep the process: leases have been given up by then.
  await Promise.race([app.close(), delay(limitMs + 5_000, undefined, { ref: false })]).finally(() => {
    clearTimeout(timer);
  });
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
