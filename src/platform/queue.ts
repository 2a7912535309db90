import {
  createPostgresBackend,
  createRedisBackend,
  type QueueOptions,
  runMigrations,
  setDefaultBackendFactory,
} from 'bullmq';
import pg from 'pg';

/** A connection for BullMQ, and how to close it after its queues and workers. */
export interface QueueConnection {
  options: Pick<QueueOptions, 'connection'>;
  close(): Promise<void>;
}

/**
 * Opens the queue: Redis when there is one, or else BullMQ's own backend on our PostgreSQL (schema `bullmq`), whose
 * migrations must have run before the first worker starts.
 */
export async function openQueue(redisUrl: string | undefined, databaseUrl: string): Promise<QueueConnection> {
  if (redisUrl !== undefined) {
    setDefaultBackendFactory(createRedisBackend);
    // A worker's connection must not give up on a request while Redis restarts.
    const { hostname, port, username, password, pathname, protocol } = new URL(redisUrl);
    const connection = {
      host: hostname,
      port: Number(port || 6379),
      ...(username ? { username: decodeURIComponent(username) } : {}),
      ...(password ? { password: decodeURIComponent(password) } : {}),
      ...(pathname.length > 1 ? { db: Number(pathname.slice(1)) } : {}),
      ...(protocol === 'rediss:' ? { tls: {} } : {}),
      maxRetriesPerRequest: null,
    };
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
