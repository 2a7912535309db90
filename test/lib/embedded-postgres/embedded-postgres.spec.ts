import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';

const LAUNCHER = new URL('../../../dist/lib/embedded-postgres/launcher.js', import.meta.url);
/** Not synchronous_commit=off: that may lose the last rows when PostgreSQL is killed, and here they are counted. */
const SETTINGS = { fsync: 'off', full_page_writes: 'off', shared_buffers: '16MB' };
const NOBODY = 65_534;
const DEADLINE_MS = 20_000;

/** A process that uses the server: says where it is, and stops its use when told. */
const USER_SCRIPT = `
  import { startEmbeddedPostgres } from ${JSON.stringify(LAUNCHER.href)};
  const say = (line) => process.stdout.write(JSON.stringify(line) + '\\n');
  process.on('SIGINT', () => undefined);
  try {
    const { url, firstStart, stop } = await startEmbeddedPostgres(JSON.parse(process.argv[1]));
    say({ url, firstStart });
    process.stdin.once('data', async () => {
      await Promise.all([stop(), stop()]);
      say({ stopped: true });
      process.stdin.destroy();
    });
  } catch (error) {
    say({ error: error.message });
  }
`;

interface Said {
  readonly url?: string;
  readonly firstStart?: boolean;
  readonly stopped?: boolean;
  readonly error?: string;
}

class User {
  private readonly lines: AsyncIterator<string>;

  private constructor(readonly child: ChildProcessWithoutNullStreams) {
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stdin.on('error', () => undefined);
  }

  static begin(dataDir: string, switchTo: { uid?: number; gid?: number } = {}): User {
    const args = ['--input-type=module', '-e', USER_SCRIPT, JSON.stringify({ dataDir, settings: SETTINGS })];
    const user = new User(spawn(process.execPath, args, { ...switchTo, cwd: '/', detached: true, stdio: 'pipe' }));
    users.push(user);
    return user;
  }

  static async ready(dataDir: string, switchTo?: { uid: number; gid: number }): Promise<Ready> {
    return User.begin(dataDir, switchTo).whenReady();
  }

  async whenReady(): Promise<Ready> {
    const { url, firstStart, error } = await this.next();
    if (url === undefined || firstStart === undefined) throw new Error(error ?? 'it said something else');
    return { user: this, url, firstStart };
  }

  async next(): Promise<Said> {
    const line = await this.lines.next();
    if (line.done === true) throw new Error(`the process ended: ${String(this.child.stderr.read())}`);
    return JSON.parse(line.value) as Said;
  }

  async stop(): Promise<void> {
    this.child.stdin.write('stop\n');
    expect(await this.next()).toEqual({ stopped: true });
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }
}

interface Ready {
  readonly user: User;
  readonly url: string;
  readonly firstStart: boolean;
}

const users: User[] = [];
const folders: string[] = [];

function newFolder(mode = 0o755): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'outdial-embedded-'));
  chmodSync(folder, mode);
  folders.push(folder);
  return path.join(folder, 'data');
}

async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function answers(url: string): Promise<boolean> {
  return query(url, 'SELECT 1').then(
    () => true,
    () => false,
  );
}

async function rowCount(url: string): Promise<number> {
  return Number((await query(url, 'SELECT count(*) AS n FROM kept'))[0]?.['n']);
}

function clusterFolder(dataDir: string): string {
  const name = readdirSync(dataDir).find((entry) => /^pg\d+$/.test(entry));
  return path.join(dataDir, name ?? 'no cluster');
}

function postmasterPid(dataDir: string): number {
  return Number(readFileSync(path.join(clusterFolder(dataDir), 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function isStopped(dataDir: string): boolean {
  return !existsSync(path.join(clusterFolder(dataDir), 'postmaster.pid'));
}

/** PostgreSQL took its lock file away and listens no more; its parent has yet to collect the process itself. */
async function expectStopped(dataDir: string, url: string, pid: number): Promise<void> {
  expect(isStopped(dataDir)).toBe(true);
  expect(await answers(url)).toBe(false);
  await eventually('the process is gone', () => !isRunning(pid));
}

/** The guard's two shells: the parent of the server, and that one's other child. */
function guardPids(server: number): number[] {
  const guard = parentOf(server);
  const all = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  return [guard, ...all.map(Number).filter((pid) => pid !== server && parentOf(pid) === guard)];
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0; // it ended while we were looking
  }
}

const isRoot = process.getuid?.() === 0;
const nobodyReachesProject =
  isRoot && spawnSync('test', ['-r', fileURLToPath(LAUNCHER)], { uid: NOBODY, gid: NOBODY, cwd: '/' }).status === 0;

describe('embedded PostgreSQL', () => {
  afterEach(async () => {
    await Promise.all(users.splice(0).map((user) => user.kill()));
    for (const folder of folders.splice(0)) {
      const dataDir = path.join(folder, 'data');
      await eventually('the server has stopped', () => !existsSync(dataDir) || isStopped(dataDir));
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('makes the database at the first start and keeps its rows over a restart', async () => {
    const dataDir = newFolder();
    const first = await User.ready(dataDir);
    expect(first.firstStart).toBe(true);
    expect(first.url).toMatch(/^postgres:\/\/outdial:[\w-]{32}@127\.0\.0\.1:\d+\/outdial$/);
    await query(first.url, "CREATE TABLE kept AS SELECT 'ä' AS word");
    const pid = postmasterPid(dataDir);
    await first.user.stop();
    await expectStopped(dataDir, first.url, pid);

    const second = await User.ready(dataDir);
    expect(second.firstStart).toBe(false);
    expect(await query(second.url, 'SELECT upper(word) AS word FROM kept')).toEqual([{ word: 'Ä' }]);
    await second.user.stop();
  });

  it('gives the application a role that owns the database, may clone it and is no superuser', async () => {
    const { user, url } = await User.ready(newFolder());
    const sql = `SELECT rolsuper, rolcreatedb, current_database() AS name, pg_get_userbyid(datdba) AS owner
      FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()`;
    expect(await query(url, sql)).toEqual([{ rolsuper: false, rolcreatedb: true, name: 'outdial', owner: 'outdial' }]);
    expect(await query(url, 'SHOW fsync')).toEqual([{ fsync: 'off' }]);
    expect(await query(url, 'SHOW max_connections')).toEqual([{ max_connections: '200' }]);
    await user.stop();
  });

  it('keeps the password in a file of its owner and refuses another one', async () => {
    const dataDir = newFolder();
    const { user, url } = await User.ready(dataDir);
    const file = `${clusterFolder(dataDir)}.password`;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(url).toContain(readFileSync(file, 'utf8').trim());
    await expect(query(url.replace(/:[\w-]{32}@/, ':wrong@'), 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    await user.stop();
  });

  it('gives processes that start at the same moment one server, until the last of them stops', async () => {
    const dataDir = newFolder();
    const together = await Promise.all([1, 2, 3, 4].map(() => User.ready(dataDir)));
    expect(new Set(together.map(({ url }) => url)).size).toBe(1);
    expect(together.filter(({ firstStart }) => firstStart)).toHaveLength(1);
    const pid = postmasterPid(dataDir);
    for (const { user, url } of together) {
      expect(await answers(url)).toBe(true);
      await user.stop();
    }
    await expectStopped(dataDir, together[0]?.url ?? '', pid);
  });

  it('starts anew for whoever comes while it shuts down', async () => {
    const dataDir = newFolder();
    let current = await User.ready(dataDir);
    for (let round = 0; round < 5; round++) {
      const newcomer = User.begin(dataDir);
      await current.user.stop();
      current = await newcomer.whenReady();
      expect(await answers(current.url)).toBe(true);
    }
    await current.user.stop();
  });

  it('outlives the process that started it while another one uses it', async () => {
    const dataDir = newFolder();
    const starter = await User.ready(dataDir);
    const other = await User.ready(dataDir);
    const pid = postmasterPid(dataDir);
    await starter.user.kill();
    expect(await answers(other.url)).toBe(true);
    const third = await User.ready(dataDir);
    expect(third.url).toBe(starter.url);
    await other.user.stop();
    expect(postmasterPid(dataDir)).toBe(pid);
    await third.user.stop();
    await expectStopped(dataDir, third.url, pid);
  });

  it('stops when the last process is killed, and loses no committed row', async () => {
    const dataDir = newFolder();
    const { user, url } = await User.ready(dataDir);
    await query(url, 'CREATE TABLE kept (n int)');
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    let acknowledged = 0;
    const writing = (async () => {
      for (;;) {
        await client.query('INSERT INTO kept VALUES ($1)', [acknowledged]);
        acknowledged++;
      }
    })().catch(() => undefined);
    await eventually('some rows are in', () => acknowledged > 100);
    await user.kill();
    await writing; // the shutdown ends its connection
    await client.end().catch(() => undefined);
    await eventually('the server has stopped', () => isStopped(dataDir));

    const next = await User.ready(dataDir);
    expect(await rowCount(next.url)).toBeGreaterThanOrEqual(acknowledged);
    await next.user.stop();
  });

  it('leaves Ctrl-C to the application', async () => {
    const dataDir = newFolder();
    const { user, url } = await User.ready(dataDir);
    const pid = postmasterPid(dataDir);
    process.kill(-(user.child.pid ?? 0), 'SIGINT');
    expect(await answers(url)).toBe(true);
    await user.stop();
    await expectStopped(dataDir, url, pid);
  });

  it('is restarted on the same port when it is killed', async () => {
    const dataDir = newFolder();
    const { user, url } = await User.ready(dataDir);
    await query(url, 'CREATE TABLE kept AS SELECT generate_series(1, 1000)');
    for (let round = 0; round < 2; round++) {
      const pid = postmasterPid(dataDir);
      process.kill(pid, 'SIGKILL');
      await eventually('it answers again', async () => !isRunning(pid) && (await answers(url)));
      expect(postmasterPid(dataDir)).not.toBe(pid);
    }
    expect(await rowCount(url)).toBe(1000);
    await user.stop();
  });

  it.each(['dead', 'foreign'])('is not fooled by a lock file with the number of a %s process', async (kind) => {
    const dataDir = newFolder();
    const { user } = await User.ready(dataDir);
    const lock = path.join(clusterFolder(dataDir), 'postmaster.pid');
    const text = readFileSync(lock, 'utf8');
    await user.stop();
    const pid = kind === 'dead' ? spawnSync('true').pid : process.pid;
    writeFileSync(lock, text.replace(/^\d+/, String(pid)), { mode: 0o600 });
    const { uid, gid } = statSync(clusterFolder(dataDir));
    if (isRoot) chownSync(lock, uid, gid);

    const next = await User.ready(dataDir);
    expect(await answers(next.url)).toBe(true);
    await next.user.stop();
  });

  (existsSync('/proc/self/status') ? it : it.skip)('is taken over after its guard was killed', async () => {
    const dataDir = newFolder();
    const { user, url } = await User.ready(dataDir);
    await query(url, 'CREATE TABLE kept AS SELECT 1');
    const pid = postmasterPid(dataDir);
    const guard = guardPids(pid);
    expect(guard).toHaveLength(2);
    guard.forEach((shell) => process.kill(shell, 'SIGKILL'));

    const next = await User.ready(dataDir);
    expect(next.url).toBe(url); // so that the first process finds it again
    expect(postmasterPid(dataDir)).not.toBe(pid);
    await user.stop();
    expect(await rowCount(url)).toBe(1);
    await next.user.stop();
    expect(isStopped(dataDir)).toBe(true);
  });

  it('explains in one line why a broken data folder does not start', async () => {
    const dataDir = newFolder();
    const { user } = await User.ready(dataDir);
    await user.stop();
    rmSync(path.join(clusterFolder(dataDir), 'global'), { recursive: true });
    const { error } = await User.begin(dataDir).next();
    expect(error).toMatch(
      /^PostgreSQL cannot start in \S+: could not find the database system.*pg_control.*\(log: \S+\.log\).*set DATABASE_URL\.$/,
    );
  });

  it('refuses the data of another major version instead of beginning with an empty database', async () => {
    const dataDir = newFolder();
    mkdirSync(path.join(dataDir, 'pg9'), { recursive: true });
    const { error } = await User.begin(dataDir).next();
    expect(error).toMatch(/^PostgreSQL cannot start in \S+: it holds the data of PostgreSQL 9, .*DATABASE_URL\.$/);
  });

  (isRoot ? it : it.skip)('works where only root may enter', async () => {
    const dataDir = newFolder(0o700);
    const first = await User.ready(dataDir);
    await query(first.url, 'CREATE TABLE kept AS SELECT 1');
    await first.user.stop();
    const second = await User.ready(dataDir);
    expect(await rowCount(second.url)).toBe(1);
    await second.user.kill();
    await eventually('the server has stopped', () => isStopped(dataDir));
  });

  (isRoot ? it : it.skip)('keeps the data when the folder is closed to all but root later', async () => {
    const dataDir = newFolder();
    const first = await User.ready(dataDir);
    await query(first.url, 'CREATE TABLE kept AS SELECT 1');
    await first.user.stop();
    expect(statSync(clusterFolder(dataDir)).uid).toBe(NOBODY);
    chmodSync(path.dirname(dataDir), 0o700);
    const second = await User.ready(dataDir);
    expect(await rowCount(second.url)).toBe(1);
    await second.user.stop();
  });

  (nobodyReachesProject ? it : it.skip)('works for an ordinary user, and for root beside it', async () => {
    const dataDir = newFolder();
    mkdirSync(dataDir);
    chownSync(dataDir, NOBODY, NOBODY);
    const ordinary = await User.ready(dataDir, { uid: NOBODY, gid: NOBODY });
    const root = await User.ready(dataDir);
    expect(root.url).toBe(ordinary.url);
    await root.user.stop();
    await ordinary.user.stop();
    const next = await User.ready(dataDir);
    await next.user.stop();
    const last = await User.ready(dataDir, { uid: NOBODY, gid: NOBODY });
    await last.user.stop();
  });
});
