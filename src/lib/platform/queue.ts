import {
  createPostgresBackend,
  createRedisBackend,
  type QueueOptions,
  runMigrations,
  setDefaultBackendFactory,
} from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { messageOf } from './errors/message-of.js';

/** A connection for BullMQ, and how to close it after its queues and workers. */
export interface QueueConnection {
  options: Pick<QueueOptions, 'connection'>;
  close(): Promise<void>;
}

/**
 * Opens the queue on Redis if there is a URL, otherwise on BullMQ's PostgreSQL backend (schema `bullmq`), whose migrations
 * must run before the first worker starts.
 */
export async function openQueue(redisUrl: string | undefined, databaseUrl: string): Promise<QueueConnection> {
  if (redisUrl !== undefined) {
    setDefaultBackendFactory(createRedisBackend);
    // A worker's connection must not give up on a request while Redis restarts.
    const connection = { ...redisOptions(redisUrl), maxRetriesPerRequest: null };
    return { options: { connection }, close: () => Promise.resolve() };
  }
  setDefaultBackendFactory(createPostgresBackend);
  // One pool for all queues; without enable_sort=off a backlog of 30,000 jobs falls to 36 a second.
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 8,
    options: '-c search_path=bullmq -c enable_sort=off',
    application_name: 'outdial queue',
  });
  pool.on('error', () => undefined); // an idle connection that broke is replaced at the next use
  const client = await pool.connect();
  try {
    await runMigrations(client, 'bullmq');
  } finally {
    client.release();
  }
  return { options: { connection: pool }, close: () => pool.end() };
}

const CONNECT_MS = 5_000;

/** Asks Redis once, at the start; later it may come and go. @throws Error in one line when there is no answer */
export async function assertRedis(redisUrl: string): Promise<void> {
  const options = redisOptions(redisUrl);
  const redis = new Redis({ ...options, lazyConnect: true, connectTimeout: CONNECT_MS, retryStrategy: () => null });
  let reason: unknown;
  redis.on('error', (error: unknown) => (reason = error));
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    const cause = reason ?? error;
    const why = messageOf(cause);
    throw new Error(`Cannot use Redis at ${options.host}:${options.port} (REDIS_URL): ${why}`, { cause: error });
  } finally {
    redis.disconnect();
  }
}

function redisOptions(redisUrl: string) {
  const { hostname, port, username, password, pathname, protocol } = new URL(redisUrl);
  return {
    host: hostname,
    port: Number(port || 6379),
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(pathname.length > 1 ? { db: Number(pathname.slice(1)) } : {}),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  };
}
