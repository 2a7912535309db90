import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { SimulatorLedger } from '../../src/telephony/simulator/simulator-ledger.js';
import { eventually, Program, temporaryFolder } from '../support/process.js';

/** The result of a run; the last three counts must be 0. */
export interface ChaosReport {
  seed: number;
  calls: number;
  kills: string[];
  lost: number;
  dialledTwice: number;
  withoutEnd: number;
}

export interface ChaosOptions {
  seed: number;
  calls: number;
  kills: number;
}

/** The processes to kill, and the moments: when some calls have such an event, or at random. */
const VICTIMS = ['worker', 'api', 'postgres'] as const;
const POINTS = ['call.queued', 'call.dialing', 'call.ringing', 'call.started', 'call.ended', 'any time'] as const;
const NUMBERS = ['+15550000001', '+15550000002', '+15550000003', '+15550000006', '+15550000009', '+15550000021'];

/** A seeded random generator (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const pick = <T>(random: () => number, items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;

/** An API, two workers and their database on one data folder; any of them may be killed at any time. */
export class ChaosHarness {
  private readonly folder = temporaryFolder();
  private readonly programs = new Map<string, Program>();
  private port = '';
  private key = '';
  private agentId = '';
  private fromNumber = '';
  private databaseUrl = '';
  private isStopping = false;

  async start(): Promise<void> {
    // The first start makes the demo organization and prints its key.
    const first = this.launch('api', '0');
    const [, url = ''] = await first.says(/Outdial serves (http:\S+)/);
    this.port = new URL(url).port;
    [, this.key = ''] = await first.says(/test key {2}(\S+)/);
    const [, body = '{}'] = await first.says(/-d '(.*)'/);
    ({ agentId: this.agentId, fromNumber: this.fromNumber } = JSON.parse(body) as Record<
      'agentId' | 'fromNumber',
      string
    >);
    this.databaseUrl = await this.addressOfDatabase();
    this.launch('worker-1');
    this.launch('worker-2');
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all([...this.programs.values()].map((program) => program.kill('SIGTERM')));
    this.folder.remove();
  }

  /** Creates calls while processes are killed. */
  async run({ seed, calls, kills }: ChaosOptions): Promise<ChaosReport> {
    const random = randomFrom(seed);
    const done: string[] = [];
    const ids = Promise.all(
      Array.from({ length: calls }, (_, n) => this.createCall(`chaos-${seed}-${n}`, pick(random, NUMBERS))),
    );
    const killing = (async () => {
      for (let n = 0; n < kills; n++) done.push(await this.killOne(random, seed));
    })();
    const [accepted] = await Promise.all([ids, killing]);
    await eventually('every call has an end', async () => ((await this.openCalls()) === 0 ? true : undefined), 90_000);
    return { seed, calls, kills: done, ...(await this.findings(accepted)) };
  }

  private launch(name: string, port = this.port): Program {
    const program = Program.run('main.js', [], {
      DATA_DIR: this.folder.path,
      PORT: name === 'api' ? port : '0',
      ROLES: name === 'api' ? 'api' : 'worker',
      RATE_LIMIT_PER_MINUTE: '0',
      MAX_CONCURRENT_CALLS: '0',
      CALLS_PER_SECOND: '0',
      SIMULATOR_SPEED: '40',
      LEASE_SECONDS: '1',
      LOG_LEVEL: 'error',
    });
    this.programs.set(name, program);
    // Restarts a killed process, as a supervisor would.
    void program.exited.then((code) => {
      if (code !== 0 && !this.isStopping && this.programs.get(name) === program) this.launch(name);
    });
    return program;
  }

  /** Repeats the request until it succeeds, as a client with an Idempotency-Key may. */
  private createCall(key: string, toNumber: string): Promise<string> {
    const { agentId, fromNumber } = this;
    return eventually(`call ${key} is accepted`, async () => {
      try {
        const response = await fetch(`http://127.0.0.1:${this.port}/v1/calls`, {
          method: 'POST',
          headers: { authorization: `Bearer ${this.key}`, 'content-type': 'application/json', 'idempotency-key': key },
          body: JSON.stringify({ agentId, fromNumber, toNumber }),
          signal: AbortSignal.timeout(5_000),
        });
        return response.status === 201 ? ((await response.json()) as { data: { id: string } }).data.id : undefined;
      } catch {
        return undefined;
      }
    });
  }

  private async killOne(random: () => number, seed: number): Promise<string> {
    const victim = pick(random, VICTIMS);
    const point = pick(random, POINTS);
    const moment = random() * 400;
    if (point === 'any time') await new Promise((resolve) => setTimeout(resolve, moment));
    else await this.reached(point, seed, Math.ceil(random() * 10));
    if (victim === 'postgres') await this.killPostgres();
    else this.programs.get(victim === 'api' ? 'api' : pick(random, ['worker-1', 'worker-2']))?.child.kill('SIGKILL');
    return `${victim} at ${point}`;
  }

  /** Waits until `count` calls of this run have an event of the type. */
  private async reached(type: string, seed: number, count: number): Promise<void> {
    await eventually(`${count} × ${type}`, async () => {
      const rows = await this.query<{ count: number }>(
        `select count(distinct e.stream_id)::int as count from call_events e
         join idempotency_keys k on k.call_id = e.stream_id where e.type = $1 and k.key like $2`,
        [type, `chaos-${seed}-%`],
      );
      return (rows?.[0]?.count ?? 0) >= count ? true : undefined;
    });
  }

  private async openCalls(): Promise<number | undefined> {
    const rows = await this.query<{ count: number }>('select count(*)::int as count from calls where ended_at is null');
    return rows?.[0]?.count;
  }

  private async findings(ids: string[]): Promise<Pick<ChaosReport, 'lost' | 'dialledTwice' | 'withoutEnd'>> {
    const rows = await eventually('the database answers', () =>
      this.query<{ id: string; ended: boolean; claims: string[] }>(
        `select c.id, c.ended_at is not null as ended,
           coalesce((select array_agg(e.data ->> 'claim') from call_events e
                     where e.stream_id = c.id and e.type = 'call.dialing'), '{}') as claims
         from calls c where c.id = any($1)`,
        [ids],
      ),
    );
    const dials = new SimulatorLedger(join(this.folder.path, 'simulator')).dials();
    const twice = rows.filter(({ id, claims }) => {
      const ofCall = dials.filter(({ callId }) => callId === id);
      return ofCall.length > 1 || ofCall.some(({ reference: reference }) => !claims.includes(reference));
    });
    return {
      lost: ids.length - rows.length,
      dialledTwice: twice.length,
      withoutEnd: rows.filter(({ ended }) => !ended).length,
    };
  }

  /** @returns undefined while the database is down. Its port may have changed with a restart. */
  private async query<R extends object>(text: string, values: unknown[] = []): Promise<R[] | undefined> {
    const url = new URL(this.databaseUrl);
    const [, , , port] = this.postmaster();
    if (port) url.port = port;
    const client = new pg.Client({ connectionString: url.href });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query<R & pg.QueryResultRow>(text, values)).rows;
    } catch {
      return undefined;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  private async addressOfDatabase(): Promise<string> {
    const { startEmbeddedPostgres } = await import('../../src/lib/embedded-postgres/index.js');
    const joined = await startEmbeddedPostgres({ dataDir: this.folder.path });
    await joined.stop();
    return joined.url;
  }

  /** Kills PostgreSQL once; waits while its guard restarts it. */
  private killPostgres(): Promise<true> {
    return eventually('PostgreSQL is killed', () => {
      try {
        const [pid] = this.postmaster();
        return Promise.resolve(process.kill(Number(pid ?? NaN), 'SIGKILL'));
      } catch {
        return Promise.resolve(undefined);
      }
    });
  }

  /** The lines of the server's pid file: process, folder, start time, port; empty while it is down. */
  private postmaster(): string[] {
    try {
      return readFileSync(join(this.folder.path, 'pg18', 'postmaster.pid'), 'utf8').split('\n');
    } catch {
      return [];
    }
  }
}
