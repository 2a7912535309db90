import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { type Json, TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually, temporaryFolder } from '../support/process.js';
import { dialQueueOf } from './queue-connection.js';
import { until } from './dialing-harness.js';

const BUSY = '+15550000002';

/** The common tests of both queues. */
function behavesAsQueue(
  start: (db: TestDatabase, dataDir: string) => Promise<{ app: TestApp; lose: () => Promise<void> }>,
) {
  const data = temporaryFolder();
  let db: TestDatabase;
  let app: TestApp;
  let lose: () => Promise<void>;
  let tenant: Tenant;

  beforeAll(async () => {
    db = await openTestDatabase();
    ({ app, lose } = await start(db, data.path));
    tenant = await app.tenant();
  });

  afterAll(async () => {
    // Undefined when the start has failed.
    await (app as TestApp | undefined)?.close();
    await db.close();
    data.remove();
  });

  const create = async (fields: object = {}): Promise<{ id: string; taskId: string }> => {
    const { key, agentId, fromNumber } = tenant;
    const body = { agentId, fromNumber, toNumber: BUSY, ...fields };
    return (await app.request('POST', '/v1/calls', { key, body })).body.data;
  };
  const dialled = (id: string): Promise<Json> =>
    eventually('dialled', async () => {
      const events: Json[] = (await app.request('GET', `/v1/calls/${id}/events`, { key: tenant.key })).body.data;
      return events.find(({ type }) => type === 'call.dialing');
    });

  it('has a job named by taskId for a scheduled call, due when the call is', async () => {
    const scheduledAt = new Date(Date.now() + 3_600_000);
    const { id, taskId } = await create({ scheduledAt: scheduledAt.toISOString() });
    const job = await eventually('a job', () => dialQueueOf(app).getJob(taskId));
    expect(job.id).toBe(taskId);
    expect(job.data).toEqual({ callId: id });
    expect(await job.getState()).toBe('delayed');
    expect(Math.abs(job.timestamp + job.delay - scheduledAt.getTime())).toBeLessThan(1_000);
  });

  it('dials a call without a schedule, and keeps no job of it', async () => {
    const { id, taskId } = await create();
    await dialled(id);
    await until('no job', async () => (await dialQueueOf(app).getJob(taskId)) === undefined);
    const { failed, completed } = await dialQueueOf(app).getJobCounts('failed', 'completed');
    expect({ failed, completed }).toEqual({ failed: 0, completed: 0 });
  });

  it('loses no call when it loses all jobs', async () => {
    const soon = await create({ scheduledAt: new Date(Date.now() + 4_000).toISOString() });
    await until('in the queue', async () => (await dialQueueOf(app).getJob(soon.taskId)) !== undefined);
    await lose();
    expect(await dialQueueOf(app).getJob(soon.taskId)).toBeUndefined();
    const now = await create();
    await dialled(now.id);
    await dialled(soon.id);
  });
}

const settings = (dataDir: string) =>
  ({ roles: ['api', 'worker'], dataDir, simulatorSpeed: 100, callsPerSecond: 0 }) as const;

describe('the queue on PostgreSQL', () => {
  behavesAsQueue(async (db, dataDir) => ({
    app: await TestApp.start(db.url, settings(dataDir)),
    lose: async () => {
      await db.database.query('truncate bullmq.job cascade');
    },
  }));
});

const hasRedis = ((): boolean => {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write('\n*** redis-server is not on the PATH: the queue on Redis is NOT tested ***\n\n');
    return false;
  }
})();

(hasRedis ? describe : describe.skip)('the queue on Redis', () => {
  const folder = temporaryFolder();
  let redis: Redis | undefined;

  behavesAsQueue(async (db, dataDir) => {
    redis = await startRedis(folder.path);
    const app = await TestApp.start(db.url, { ...settings(dataDir), redisUrl: redis.url });
    const lose = async () => {
      const client = await dialQueueOf(app).backend.client;
      await (client as unknown as { flushall: () => Promise<unknown> }).flushall();
    };
    return { app, lose };
  });

  it('does not delay calls while Redis is unreachable, and gets the missing jobs after it', async () => {
    const db = await openTestDatabase(`redis_away_${process.env['JEST_WORKER_ID'] ?? '0'}`);
    const port = await freePort();
    const first = await startRedis(folder.path, port);
    const app = await TestApp.start(db.url, { ...settings(folder.path), redisUrl: first.url });
    const tenant = await app.tenant();
    await first.stop();
    const scheduledAt = new Date(Date.now() + 3_600_000).toISOString();
    const waiting = await app.createCall(tenant, { toNumber: BUSY, scheduledAt });
    const id = await app.createCall(tenant, { toNumber: BUSY });
    await until('over', async () => {
      const { body } = await app.request('GET', `/v1/calls/${id}`, { key: tenant.key });
      return body.data.status === 'failed';
    });
    const second = await startRedis(folder.path, port);
    await until('in the queue', async () => (await dialQueueOf(app).getJob(`dial-${waiting}`)) !== undefined);
    await app.close();
    await second.stop();
    await db.close();
  });

  // Runs after the application is closed: hooks run in their order.
  afterAll(async () => {
    await redis?.stop();
    folder.remove();
  });
});

interface Redis {
  url: string;
  stop: () => Promise<void>;
}

async function startRedis(folder: string, port?: number): Promise<Redis> {
  // Fails early: BullMQ resolves its client when it connects, and retries for ever.
  createRequire(import.meta.url).resolve('ioredis');
  port ??= await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const server = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<void>((resolve) => {
    server.once('exit', () => {
      resolve();
    });
  });
  await says(server, /Ready to accept connections/);
  const stop = () => {
    server.kill();
    return exited;
  };
  return { url: `redis://127.0.0.1:${port}`, stop };
}

function says(program: ChildProcess, what: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    program.once('exit', (code) => {
      reject(new Error(`ended with ${String(code)}: ${output}`));
    });
    program.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (what.test(output)) resolve();
    });
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}
