// Measures the time from the response of POST /v1/calls to the dial, and complete simulated calls a second, with the queue
// on PostgreSQL and, where redis-server is installed, on Redis.
import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { benchmark, defer, quantile, startServer, stop, table, temporaryFolder, verdicts, whole } from './harness.mjs';

const { SimulatorLedger } = await import('../dist/telephony/simulator/simulator-ledger.js');

const IDLE_CALLS = 200;
const RATE = 200;
const RATE_SECONDS = 10;
const LIVES = 3_000;

const times = (ratio) => `${ratio.toFixed(1)} ×`;
const ms = (values, q) => `${quantile(values, q).toFixed(0)} ms`;

await benchmark('Dispatch', async () => {
  const results = [await measure('PostgreSQL queue', {})];
  const redis = await startRedis();
  if (redis) results.push(await measure('Redis queue', { REDIS_URL: redis }));
  else console.log('redis-server is not installed: the Redis queue is not measured');
  table(
    ['', 'idle p50', 'idle p99', `${RATE}/s p50`, `${RATE}/s p99`, 'lives/s'],
    results.map(({ name, idle, busy, lives }) => [
      name,
      ms(idle, 0.5),
      ms(idle, 0.99),
      ms(busy, 0.5),
      ms(busy, 0.99),
      whole(lives),
    ]),
  );
  verdicts(
    results.flatMap(({ name, idle }) => [
      [`${name}: idle p50 at most 20 ms`, 20 / Math.max(1, quantile(idle, 0.5)), 1, times],
      [`${name}: idle p99 at most 100 ms`, 100 / Math.max(1, quantile(idle, 0.99)), 1, times],
    ]),
  );
  console.log(
    JSON.stringify(
      results.map(({ name, idle, busy, lives }) => ({
        name,
        idleP50: quantile(idle, 0.5),
        idleP99: quantile(idle, 0.99),
        busyP50: quantile(busy, 0.5),
        busyP99: quantile(busy, 0.99),
        lives,
      })),
    ),
  );
});

async function measure(name, env) {
  console.log(`${name} …`);
  const folder = temporaryFolder();
  const server = await startServer({
    DATA_DIR: folder,
    RATE_LIMIT_PER_MINUTE: '0',
    MAX_CONCURRENT_CALLS: '0',
    CALLS_PER_SECOND: '0',
    SIMULATOR_SPEED: '1000000',
    ...env,
  });
  const [, key] = /test key {2}(\S+)/.exec(await outputWith(server, /test key/));
  const [, body] = /-d '(.*)'/.exec(await outputWith(server, /-d '/));
  const client = { url: server.url, key, body };
  await Promise.all(Array.from({ length: 200 }, () => create(client)));
  await allOver(client);

  const idle = [];
  for (let n = 0; n < IDLE_CALLS; n++) {
    idle.push(await create(client));
    await delay(20);
  }
  await allOver(client);
  const busy = [];
  const begun = performance.now();
  for (let n = 0; n < RATE * RATE_SECONDS; n++) {
    const due = begun + (n * 1000) / RATE;
    if (performance.now() < due) await delay(due - performance.now());
    busy.push(create(client));
  }
  const busyDone = await Promise.all(busy);
  await allOver(client);
  const livesBegun = performance.now();
  for (let n = 0; n < LIVES; n += 100) await Promise.all(Array.from({ length: 100 }, () => create(client)));
  await allOver(client);
  const lives = (LIVES * 1000) / (performance.now() - livesBegun);
  await stop(server.child);
  const dialledAt = new Map(
    new SimulatorLedger(join(folder, 'simulator')).dials().map(({ callId, at }) => [callId, Date.parse(at)]),
  );
  const waits = (calls) => calls.map(({ id, acknowledgedAt }) => Math.max(0, dialledAt.get(id) - acknowledgedAt));
  return { name, idle: waits(idle), busy: waits(busyDone), lives };
}

async function create({ url, key, body }) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const response = await fetch(`${url}/v1/calls`, { method: 'POST', headers, body });
  const acknowledgedAt = Date.now();
  if (response.status !== 201) throw new Error(await response.text());
  return { id: (await response.json()).data.id, acknowledgedAt };
}

async function allOver({ url, key }) {
  for (;;) {
    const open = await Promise.all(
      ['queued', 'in_progress'].map(async (status) => {
        const response = await fetch(`${url}/v1/calls?limit=1&status=${status}`, {
          headers: { authorization: `Bearer ${key}` },
        });
        return (await response.json()).pagination.total;
      }),
    );
    if (open.every((total) => total === 0)) return;
    await delay(20);
  }
}

async function outputWith({ output, child }, pattern) {
  while (!pattern.test(output())) {
    if (child.exitCode !== null) throw new Error(output());
    await delay(20);
  }
  return output();
}

async function startRedis() {
  if (spawnSync('redis-server', ['--version']).status !== 0) return undefined;
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    { stdio: 'ignore' },
  );
  defer(() => stop(child));
  await delay(300);
  return `redis://127.0.0.1:${port}`;
}
