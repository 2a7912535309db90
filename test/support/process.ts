import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A program of the project as its user runs it. */
export class Program {
  stdout = '';
  stderr = '';
  readonly exited: Promise<number | null>;

  private constructor(readonly child: ChildProcess) {
    child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.exited = once(child, 'close').then(([code]) => code as number | null);
  }

  static run(script: string, args: string[], settings: Record<string, string>): Program {
    const environment = { PATH: process.env['PATH'] ?? '', LOG_LEVEL: 'warn', ...settings };
    return new Program(spawn(process.execPath, [`dist/${script}`, ...args], { env: environment }));
  }

  /** Waits until the output matches; fails when the program ends before. */
  async says(pattern: RegExp): Promise<RegExpMatchArray> {
    const match = await eventually(`output ${String(pattern)}`, () => {
      const found = this.stdout.match(pattern);
      if (!found && this.child.exitCode !== null)
        throw new Error(`ended with ${this.child.exitCode}:\n${this.stdout}${this.stderr}`);
      return Promise.resolve(found ?? undefined);
    });
    return match;
  }

  kill(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal);
    return this.exited;
  }
}

/** Starts the server on a free port and returns it with its address. */
export async function startServer(settings: Record<string, string>): Promise<{ server: Program; url: string }> {
  const server = Program.run('main.js', [], { PORT: '0', ...settings });
  const [, url = ''] = await server.says(/Outdial serves (http:\S+)/);
  return { server, url };
}

/** Runs a command of the CLI to its end. */
export async function cli(args: string[], settings: Record<string, string>) {
  const program = Program.run('cli.js', args, settings);
  const code = await program.exited;
  const objects = program.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, any>);
  return { code, objects, stdout: program.stdout, stderr: program.stderr };
}

/** A new folder; call the second part to remove it. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'outdial-data-'));
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** Asks again until there is an answer; fails after a deadline. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>, deadlineMs = 20_000): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
