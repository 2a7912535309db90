// What the benchmarks share: processes and folders that are always cleaned up, and figures told in one way.
import { execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const cleanups = [];

/** Registers what must be undone at the end, whatever ends it; the last registered is undone first. */
export const defer = (undo) => void cleanups.push(undo);

let cleaning;

/** Once, however it came to the end. */
const cleanUp = () => (cleaning ??= undoAll());

async function undoAll() {
  while (cleanups.length > 0) {
    try {
      await cleanups.pop()();
    } catch (error) {
      console.error(error);
    }
  }
}

/** Runs a benchmark and cleans up after it: at its end, when it fails and on Ctrl-C. */
export async function benchmark(title, main) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => {
      console.error(`\n${signal}: cleaning up`);
      void cleanUp().then(() => process.exit(130));
    });
  const begun = Date.now();
  console.log(`${title} (Node ${process.version}, ${availableParallelism()} cores)`);
  try {
    await main();
    console.log(`\nTook ${Math.round((Date.now() - begun) / 1000)} s`);
  } catch (error) {
    process.exitCode = 1;
    // What was interrupted fails as well, but that is no news.
    if (!cleaning) console.error(error);
  } finally {
    await cleanUp();
  }
}

export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'outdial-bench-'));
  defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Asks a process to end, kills it when it does not, and waits. */
export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await ended;
  clearTimeout(timer);
}

/** A helper of this folder in a process of its own, which speaks through messages. */
export function startHelper(file, args = [], env = {}) {
  const child = fork(join(ROOT, 'bench', file), args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  });
  defer(() => stop(child));
  return child;
}

export const nextMessage = (child) =>
  new Promise((resolve, reject) => {
    const onExit = (code) => reject(new Error(`a helper process ended with ${code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      if (message.error) reject(new Error(message.error));
      else resolve(message);
    });
  });

/** The real server as `npm start` runs it, on a free port, its log in a file. */
export async function startServer(env, nodeFlags = []) {
  const logFile = join(temporaryFolder(), 'server.log');
  const log = openSync(logFile, 'w');
  const child = spawn(process.execPath, ['--enable-source-maps', ...nodeFlags, 'dist/main.js'], {
    cwd: ROOT,
    env: { ...process.env, HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'info', NODE_ENV: 'development', ...env },
    stdio: ['ignore', log, log],
  });
  defer(() => stop(child));
  for (;;) {
    const output = readFileSync(logFile, 'utf8');
    const [, url] = /serves (http:\S+)/.exec(output) ?? [];
    if (url) return { url, child, output: () => readFileSync(logFile, 'utf8') };
    if (child.exitCode !== null) throw new Error(`the server did not start: ${output}`);
    await delay(50);
  }
}

/** What a command of the CLI prints. */
export async function cli(env, ...args) {
  const { stdout } = await promisify(execFile)(process.execPath, ['dist/cli.js', ...args], {
    cwd: ROOT,
    env: { ...process.env, NODE_ENV: 'development', ...env },
  });
  return JSON.parse(stdout);
}

export const median = (values) => quantile(values, 0.5);

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at % 1);
}

export const whole = (value) => Math.round(value).toLocaleString('en');
export const percent = (ratio) => `${(ratio * 100).toFixed(1)} %`;

/** Prints rows as columns, text to the left and figures to the right. */
export function table(head, rows) {
  const cells = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const line = (row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  console.log(`\n${line(cells[0])}\n${widths.map((width) => '-'.repeat(width)).join('  ')}`);
  for (const row of cells.slice(1)) console.log(line(row));
}

/** Prints the ratios that a benchmark is about, each beside its aim: `[what, measured, aim, format]`, more is better. */
export function verdicts(entries) {
  table(
    ['aim', 'measured', 'at least', ''],
    entries.map(([what, measured, aim, format]) => [
      what,
      format(measured),
      format(aim),
      measured >= aim ? 'met' : 'MISSED',
    ]),
  );
}
