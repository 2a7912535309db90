import { randomInt } from 'node:crypto';
import { closeSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import {
  type Binaries,
  chooseIdentity,
  type ClusterPaths,
  EmbeddedPostgresError,
  errorCode,
  findBinaries,
  type Identity,
  initialise,
  locate,
  own,
  readPassword,
} from './cluster.js';
import {
  hasUsers,
  isGuarded,
  launchGuard,
  livePostmaster,
  openUsers,
  type Postmaster,
  readPidFile,
  removeStalePidFile,
  waitForEnd,
} from './guard.js';

export { EmbeddedPostgresError };

export interface EmbeddedPostgresOptions {
  /** The DATA_DIR folder; PostgreSQL's files lie in `pg<major>*` below it. */
  readonly dataDir: string;
  /** Server settings over the defaults. They apply when this call starts the server, not when it joins one. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log?: (line: string) => void;
}

export interface EmbeddedPostgres {
  readonly url: string;
  /** Whether this call made the database. */
  readonly firstStart: boolean;
  /** Ends this process's use. The last user of the server waits until it has shut down. */
  stop(): Promise<void>;
}

/** For a few hundred calls at once on a small machine that PostgreSQL shares with the application. */
const DEFAULT_SETTINGS: Readonly<Record<string, string>> = {
  max_connections: '200',
  shared_buffers: '256MB',
  work_mem: '8MB',
  random_page_cost: '1.1', // flash, not spinning disks
  jit: 'off', // compiling costs more than our short queries
  max_parallel_workers_per_gather: '0', // few cores, and a container's /dev/shm is small
  wal_level: 'minimal', // no replica, and pg_dump for copies
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  max_wal_size: '1GB',
  checkpoint_timeout: '15min',
  log_checkpoints: 'off',
  log_line_prefix: '%m [%p] ',
  // the application sees its own errors, and their details hold telephone numbers
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  log_timezone: 'UTC',
  timezone: 'UTC',
};

const POLL_MS = 10;
const RETRY_MS = 50;
const START_MS = 30_000;
/** A server that replays its log after a crash is alive: stopping it would only begin that work anew. */
const RECOVERY_MS = 600_000;
const STOP_MS = 60_000;
/** Another process was quicker or took the port, leftovers of a killed server are still ending, or the guard was killed. */
const TRY_AGAIN = /^$|Address already in use|could not create any TCP\/IP sockets|lock file|shared memory block/i;

interface Cluster {
  readonly binaries: Binaries;
  readonly paths: ClusterPaths;
  readonly password: string;
  readonly options: EmbeddedPostgresOptions;
}

/**
 * Starts the PostgreSQL that comes with Outdial, or joins the one another process has started on the same folder. It
 * runs as long as any process uses it, whatever ends those processes, and on the same port if it has to be restarted.
 * @throws EmbeddedPostgresError with one line that says what failed and what to do.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    mkdirSync(options.dataDir, { recursive: true });
    const binaries = findBinaries(options.dataDir);
    const paths = locate(options.dataDir, binaries.major);
    return await joinOrStart({ binaries, paths, password: readPassword(paths), options });
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).split('\n', 1).join('');
    throw new EmbeddedPostgresError(
      `PostgreSQL cannot start in ${options.dataDir}: ${reason}. To use a server of your own, set DATABASE_URL.`,
      { cause: error },
    );
  }
}

async function joinOrStart(cluster: Cluster): Promise<EmbeddedPostgres> {
  const { paths } = cluster;
  const begun = Date.now();
  let deadline = begun + START_MS;
  let firstStart = false;
  let port: number | undefined;
  let failure =
    'the server of another process does not answer (stop all processes that use the folder, then try again)';
  while (Date.now() < deadline) {
    port = readPidFile(paths)?.port ?? port;
    let attempt = join(paths);
    if (attempt === undefined) {
      if (!(await isFree(paths, deadline))) continue;
      const prepared = await prepare(cluster);
      firstStart ||= prepared.made;
      deadline += prepared.durationMs;
      attempt = await launch(cluster, prepared.identity, port);
    }
    if (attempt === undefined) continue;
    const server = await waitUntilReady(cluster, attempt.users, deadline);
    if (server !== undefined) {
      const what = `PostgreSQL ${cluster.binaries.major} on port ${server.port}`;
      cluster.options.log?.(`${attempt.failure ? 'Started' : 'Joined'} ${what} in ${Date.now() - begun} ms`);
      return handle(cluster, attempt.users, server, firstStart);
    }
    failure = attempt.failure?.() ?? failure;
    if (attempt.failure !== undefined && !TRY_AGAIN.test(failure) && !isGuarded(paths)) break;
    await delay(RETRY_MS);
  }
  throw new EmbeddedPostgresError(`${failure || 'the server ended without a word'} (log: ${paths.log})`);
}

interface Attempt {
  /** This process's write end of the FIFO of users. */
  readonly users: number;
  /** What PostgreSQL says about its end; absent where another process has started it. */
  readonly failure?: () => string;
}

function join(paths: ClusterPaths): Attempt | undefined {
  const users = openUsers(paths);
  return users === undefined ? undefined : { users };
}

/** Whether nothing runs on the folder any more: a server without a guard is about to end, or is made to. */
async function isFree(paths: ClusterPaths, deadline: number): Promise<boolean> {
  return (await waitForEnd(paths, deadline, () => isGuarded(paths))) && livePostmaster(paths) === undefined;
}

interface Prepared {
  readonly identity: Identity;
  readonly made: boolean;
  /** Making the database takes as long as the disk needs. */
  readonly durationMs: number;
}

async function prepare({ binaries, paths, password, options }: Cluster): Promise<Prepared> {
  const begun = Date.now();
  const identity = await chooseIdentity(binaries, paths);
  const made = await initialise(binaries, identity, paths, password, options.settings?.['fsync'] !== 'off');
  await own(paths.folder, identity);
  return { identity, made, durationMs: Date.now() - begun };
}

async function launch(cluster: Cluster, identity: Identity, port?: number): Promise<Attempt | undefined> {
  const { binaries, paths, options } = cluster;
  removeStalePidFile(paths);
  const settings = {
    ...DEFAULT_SETTINGS,
    ...options.settings,
    listen_addresses: '127.0.0.1',
    port: String(await freePort(port)),
    unix_socket_directories: '',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return launchGuard(binaries, identity, paths, flags);
}

/** Below the ports that systems give to outgoing connections, one of which could take ours while the server restarts. */
const PORTS = { first: 15_000, count: 15_000 };
const PORT_ATTEMPTS = 20;

/** The previous port of the server if it is free, so that clients with the old address still connect. */
async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await isPortFree(preferred))) return preferred;
  for (let attempt = 1; attempt <= PORT_ATTEMPTS; attempt++) {
    const port = PORTS.first + randomInt(PORTS.count);
    if (await isPortFree(port)) return port;
  }
  throw new EmbeddedPostgresError('No free port was found for the embedded PostgreSQL');
}

function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.on('error', () => {
      resolve(false);
    });
    probe.listen({ port, host: '127.0.0.1' }, () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}

/**
 * Waits until the server takes connections and its users, this process among them, are counted. Undefined when the
 * guard has ended; `users` is closed then.
 */
async function waitUntilReady(cluster: Cluster, users: number, deadline: number): Promise<Postmaster | undefined> {
  const { paths } = cluster;
  const timeouts = deadline - START_MS + RECOVERY_MS;
  try {
    for (;;) {
      const server = livePostmaster(paths);
      const answers = server?.status === 'ready' && (await connects(cluster, server));
      if (!isGuarded(paths)) break;
      if (answers) return server;
      if (Date.now() > (server?.status === 'starting' ? timeouts : deadline)) break;
      await delay(POLL_MS);
    }
  } catch (error) {
    closeSync(users);
    throw error;
  }
  closeSync(users);
  return undefined;
}

async function connects(cluster: Cluster, server: Postmaster): Promise<boolean> {
  const client = new Client({ connectionString: urlOf(cluster, server), connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined); // the server may end right after it has let us in
  try {
    await client.connect();
    return true;
  } catch (error) {
    const code = errorCode(error) ?? '';
    if (code === '28P01')
      throw new EmbeddedPostgresError(`the server refuses the password in ${cluster.paths.password}`);
    if (code.startsWith('28') || code.startsWith('3D')) throw error;
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function urlOf({ password }: Cluster, { port }: Postmaster): string {
  return `postgres://outdial:${password}@127.0.0.1:${port}/outdial`;
}

function handle(cluster: Cluster, users: number, server: Postmaster, firstStart: boolean): EmbeddedPostgres {
  let stopped: Promise<void> | undefined;
  return {
    url: urlOf(cluster, server),
    firstStart,
    stop: () => (stopped ??= release(cluster, users, server)),
  };
}

async function release({ paths, options }: Cluster, users: number, server: Postmaster): Promise<void> {
  closeSync(users);
  if (!(await waitForEnd(paths, Date.now() + STOP_MS, () => hasUsers(paths), server.pid))) {
    throw new EmbeddedPostgresError(`PostgreSQL in ${options.dataDir} does not stop (log: ${paths.log})`);
  }
}
