/**
 * One PostgreSQL for all processes that use a data folder, however they end.
 *
 * Every user process holds the write end of a FIFO open, and a detached shell, the guard, reads it: the kernel counts
 * the users, `kill -9` included, and the guard sees end-of-file when none is left. PostgreSQL's own lock on its data
 * folder decides between two guards that start at the same moment.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, closeSync, constants, linkSync, mkdirSync, openSync, readFileSync, readSync } from 'node:fs';
import { renameSync, rmSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Binaries,
  CHILD_ENVIRONMENT,
  type ClusterPaths,
  EmbeddedPostgresError,
  errorCode,
  type Identity,
  isRunning,
  lastLine,
  run,
  unless,
} from './cluster.js';

const POLL_MS = 10;
const ORPHAN_MS = 1_000;
const MAX_LOG_BYTES = 10 * 1024 * 1024;

/**
 * $1 the FIFO, $2 postmaster.pid, then the command that runs PostgreSQL. fd 3 is the read end of the FIFO, fd 4 another
 * one that does not block. PostgreSQL gets neither: a FIFO that has a reader means that its users are counted.
 *
 * A process may open the FIFO between end-of-file and the decision to stop. So the guard moves the FIFO away first and
 * reads fd 4: end-of-file means no user, "try again" means a user, and then the guard moves the FIFO back. Every process
 * that opened the FIFO is counted.
 */
const GUARD = String.raw`
users=$1 pid_file=$2
shift 2
trap '' INT HUP QUIT TERM

say() { echo "$(date '+%Y-%m-%d %H:%M:%S') outdial guard: $*" >&2; }

watch_users() {
  while :; do
    while read -r _ <&3; do :; done
    mv "$users" "$users.$$" 2>/dev/null
    cat <&4 >/dev/null 2>&1 && break
    ln "$users.$$" "$users" 2>/dev/null
    rm -f "$users.$$"
    sleep 1
  done
  rm -f "$users.$$"
  kill -USR1 $$ 2>/dev/null || kill -INT "$(head -n 1 "$pid_file")" 2>/dev/null
}

stopping= server=
trap 'stopping=1; [ -z "$server" ] || kill -INT "$server" 2>/dev/null' USR1
watch_users &
watcher=$!
exec 3<&- 4<&-

starts=0 failures=0
while [ -z "$stopping" ]; do
  begun=$(date +%s)
  "$@" &
  server=$!
  starts=$((starts + 1))
  [ -z "$stopping" ] || kill -INT "$server" 2>/dev/null
  while :; do
    wait "$server"
    status=$?
    kill -0 "$server" 2>/dev/null || break
  done
  [ -z "$stopping" ] || break
  kill -0 "$watcher" 2>/dev/null || break
  if [ $(($(date +%s) - begun)) -ge 10 ]; then failures=0; fi
  failures=$((failures + 1))
  # it refused its very first start: whoever started this guard reads the log and decides
  [ $starts -gt 1 ] || [ $status -ge 128 ] || [ $(($(date +%s) - begun)) -ge 10 ] || break
  say "PostgreSQL ended (status $status) while it is in use: starting it again"
  if [ $failures -le 3 ]; then sleep 0.2; elif [ $failures -le 20 ]; then sleep 1; else sleep 5; fi
done
kill -KILL "$watcher" 2>/dev/null
exit 0
`;

/** Joins the users of the running server. Undefined when no guard counts them. */
export function openUsers(paths: ClusterPaths): number | undefined {
  return unless(['ENXIO', 'ENOENT'], () => openSync(paths.users, constants.O_WRONLY | constants.O_NONBLOCK));
}

export function isGuarded(paths: ClusterPaths): boolean {
  const fd = openUsers(paths);
  if (fd !== undefined) closeSync(fd);
  return fd !== undefined;
}

/** Whether any process uses the server. */
export function hasUsers(paths: ClusterPaths): boolean {
  const fd = unless(['ENOENT'], () => openSync(paths.users, constants.O_RDONLY | constants.O_NONBLOCK));
  if (fd === undefined) return false;
  try {
    readSync(fd, Buffer.alloc(1));
    return false;
  } catch (error) {
    if (errorCode(error) === 'EAGAIN') return true;
    throw error;
  } finally {
    closeSync(fd);
  }
}

export interface Launched {
  /** This process's write end of the FIFO. */
  readonly users: number;
  /** What PostgreSQL has said about its end since, in one line. */
  readonly failure: () => string;
}

/**
 * Starts a guard, which starts PostgreSQL. Undefined when another guard took the FIFO away at the same moment.
 * @throws EmbeddedPostgresError when the folder cannot hold a FIFO.
 */
export async function launchGuard(
  binaries: Binaries,
  identity: Identity,
  paths: ClusterPaths,
  options: readonly string[],
): Promise<Launched | undefined> {
  await makeFifo(identity, paths);
  const ends = unless(['ENOENT'], () => openEnds(paths));
  if (ends === undefined) return undefined;
  const log = openLog(paths);
  try {
    const server = [...identity.prefix, binaries.postgres, '-D', paths.folder, ...options];
    const child = spawn('/bin/sh', ['-c', GUARD, 'outdial-guard', paths.users, paths.pidFile, ...server], {
      ...identity.switchTo,
      cwd: '/',
      env: binaries.environment,
      detached: true, // Ctrl-C in the terminal is for the application, which then stops in good order
      stdio: ['ignore', log.fd, log.fd, ends.blocking, ends.polling],
    });
    child.on('error', () => undefined); // seen as a FIFO without reader
    child.unref();
    return { users: ends.write, failure: () => failureLine(paths, log.size) };
  } finally {
    [log.fd, ends.blocking, ends.polling].forEach(closeSync);
  }
}

async function makeFifo(identity: Identity, paths: ClusterPaths): Promise<void> {
  const folder = path.dirname(paths.users);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (process.getuid?.() === 0) chownSync(folder, identity.uid, identity.gid);
  const made = await run(identity, ['mkfifo', '-m', '600', paths.users], CHILD_ENVIRONMENT);
  // not by looking for the file: a guard that ends may just have taken it away again
  if (!made.ok && !made.output.includes('File exists')) {
    throw new EmbeddedPostgresError(`cannot make a FIFO: ${lastLine(made.output)}`);
  }
}

/** `open` of one end of a FIFO waits for the other end. The first descriptor holds both ends, so it does not wait. */
function openEnds(paths: ClusterPaths): { write: number; blocking: number; polling: number } {
  const both = openSync(paths.users, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    const blocking = openSync(paths.users, constants.O_RDONLY);
    const polling = openSync(paths.users, constants.O_RDONLY | constants.O_NONBLOCK);
    const write = openSync(paths.users, constants.O_WRONLY | constants.O_NONBLOCK);
    return { write, blocking, polling };
  } finally {
    closeSync(both);
  }
}

function openLog(paths: ClusterPaths): { fd: number; size: number } {
  const size = statSync(paths.log, { throwIfNoEntry: false })?.size ?? 0;
  if (size > MAX_LOG_BYTES) truncateSync(paths.log);
  return { fd: openSync(paths.log, 'a', 0o600), size: size > MAX_LOG_BYTES ? 0 : size };
}

/** The last FATAL message; where it came to none, the few lines that a program prints instead of logging, as one. */
function failureLine(paths: ClusterPaths, offset: number): string {
  const lines = readFileSync(paths.log).subarray(offset).toString().trim().split('\n');
  const telling = /^.*?\b(FATAL|PANIC|outdial guard): +/;
  const logged = lines.findLast((line) => telling.test(line))?.replace(telling, '');
  const printed = lines.filter((line) => !/^\d{4}-\d\d-\d\d /.test(line)).slice(-4);
  return (logged ?? printed.join(' ').replace(/^postgres: /, '')).slice(0, 400).trim();
}

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly status: string;
}

/** What PostgreSQL's lock file says, whether or not that server still runs. */
export function readPidFile(paths: ClusterPaths): Postmaster | undefined {
  const text = unless(['ENOENT', 'ENOTDIR'], () => readFileSync(paths.pidFile, 'utf8'));
  if (text === undefined) return undefined;
  const lines = text.split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3] ?? ''), status: lines[7]?.trim() ?? '' };
}

/** The server that runs on this data folder, if any. */
export function livePostmaster(paths: ClusterPaths): Postmaster | undefined {
  const found = readPidFile(paths);
  return found !== undefined && isPostmaster(found.pid, paths) ? found : undefined;
}

/** Not only alive: after a crash of the machine, or in a container, the number soon belongs to another program. */
export function isPostmaster(pid: number, paths: ClusterPaths): boolean {
  if (!(pid > 0) || !isRunning(pid)) return false;
  if (process.platform !== 'linux') {
    const listed = spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { env: CHILD_ENVIRONMENT });
    return listed.stdout.toString().includes(`bin/postgres -D ${paths.folder}`);
  }
  const [program = '', ...args] = (
    unless(['ENOENT', 'ESRCH', 'EACCES'], () => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? ''
  ).split('\0');
  return path.basename(program) === 'postgres' && args.includes(paths.folder);
}

/**
 * Removes a lock file whose process id now belongs to another program; PostgreSQL itself removes only that of a dead
 * process. The function checks the file again after the move, as another process may have started the server.
 */
export function removeStalePidFile(paths: ClusterPaths): void {
  const stale = readPidFile(paths);
  if (stale === undefined || !isRunning(stale.pid) || isPostmaster(stale.pid, paths)) return;
  const aside = `${paths.pidFile}.${process.pid}`;
  unless(['ENOENT'], () => {
    renameSync(paths.pidFile, aside);
    const moved = Number(readFileSync(aside, 'utf8').split('\n', 1).join(''));
    if (moved !== stale.pid) linkSync(aside, paths.pidFile);
    rmSync(aside);
  });
}

/**
 * Waits until no server runs on the data folder, or until `settled` holds. Stops a server whose guard was killed.
 * @returns whether one of them came true before the deadline
 */
export async function waitForEnd(
  paths: ClusterPaths,
  deadline: number,
  settled: () => boolean,
  pid?: number,
): Promise<boolean> {
  let orphanAt = Date.now() + ORPHAN_MS;
  while (Date.now() < deadline) {
    const server = livePostmaster(paths);
    if (server === undefined && (pid === undefined || !isPostmaster(pid, paths))) return true;
    if (settled()) return true;
    if (server !== undefined && Date.now() > orphanAt && !isGuarded(paths)) {
      orphanAt = Infinity;
      unless(['ESRCH'], () => process.kill(server.pid, 'SIGINT'));
    }
    await delay(POLL_MS);
  }
  return false;
}
