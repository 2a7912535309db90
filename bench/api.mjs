// The calls API over HTTP against a bare NestJS controller that validates the same body, on the stock Express adapter and
// on ours. The real server does all that it does in production: key, scope, rate limit, Idempotency-Key, log line, and
// every acknowledged call on disk.
//   --connections N   100 unless given: enough to keep both cores busy, few enough that latency is not all queueing
//   --rounds N        5 unless given
//   --profile         no comparison: where the server's time goes while it takes calls
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { foldCounts } from '../dist/calls/maintenance/calls-maintenance.worker.js';
import { startEmbeddedPostgres } from '../dist/lib/embedded-postgres/index.js';
import { Database } from '../dist/lib/platform/index.js';
import * as h from './harness.mjs';
import { groupSelfTimes } from './profile.mjs';

const { values: options } = parseArgs({
  options: {
    connections: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '5' },
    profile: { type: 'boolean', default: false },
  },
});
const connections = Number(options.connections);
const CELL_SECONDS = 2.5;

/** The real server on a new database, with a key that may make as many requests as it likes. */
async function startReal(nodeFlags) {
  // The process that serves the API: dialling what it accepts is the work of others, and of bench:dispatch.
  const env = { DATA_DIR: h.temporaryFolder(), ROLES: 'api' };
  const server = await h.startServer(env, nodeFlags);
  const postgres = await startEmbeddedPostgres({ dataDir: env.DATA_DIR });
  h.defer(() => postgres.stop());
  const pool = new pg.Pool({ connectionString: postgres.url });
  h.defer(() => pool.end());
  const database = new Database(pool);
  const [{ org, agentId, fromNumber }] = await database.query(
    `select o.id as org, a.id as "agentId", n.phone_number as "fromNumber"
     from organizations o join agents a on a.organization_id = o.id join phone_numbers n on n.organization_id = o.id`,
  );
  const [durability] = await database.query(
    `select string_agg(name || ' ' || setting, ', ') as is, bool_and(setting = 'on') as full from pg_settings
     where name in ('fsync', 'synchronous_commit', 'full_page_writes')`,
  );
  if (!durability.full) throw new Error(`not durable: ${durability.is}`);
  console.log(`Calls go to disk before they are acknowledged (${durability.is}; ${env.DATA_DIR})`);
  const wanted = ['--org', org, '--env', 'test', '--scopes', 'all', '--rate-limit', '100000000'];
  const { key } = await h.cli(env, 'key:create', ...wanted);
  const countCalls = async () => (await database.query('select count(*)::int as calls from calls'))[0].calls;
  return { ...server, database, key, agentId, fromNumber, countCalls };
}

async function startBare(adapter) {
  return h.nextMessage(h.startHelper('bare-server.mjs', [adapter]));
}

/** The requests of each kind, the same for every server. */
function requestsFor({ key, agentId, fromNumber }, ids) {
  const authorization = `Bearer ${key}`;
  const body = JSON.stringify({
    agentId,
    toNumber: '+1234567890',
    fromNumber,
    customerName: 'John Doe',
    dynamicVariables: { company: 'Acme Corp', purpose: 'Follow-up on quote' },
    metadata: { campaign_id: 'summer_2026' },
  });
  return {
    'POST /v1/calls': {
      method: 'POST',
      paths: ['/v1/calls'],
      headers: { authorization, 'content-type': 'application/json', 'idempotency-key': '[<id>]' },
      body,
    },
    'GET /v1/calls/{id}': { method: 'GET', paths: ids.map((id) => `/v1/calls/${id}`), headers: { authorization } },
    'GET /v1/calls': { method: 'GET', paths: ['/v1/calls'], headers: { authorization } },
  };
}

const loader = h.startHelper('load.mjs');
let acknowledged = 0;

/** Sends `amount` requests and waits for every answer. */
async function measure(server, request, amount) {
  // What the measurement before has left to do in the background shall not count here.
  await delay(200);
  loader.send({ url: server.url, ...request, connections, amount: Math.max(amount, connections) });
  const result = await h.nextMessage(loader);
  if (result.failed > 0) {
    const end = server.child?.signalCode ?? server.child?.exitCode;
    throw new Error(
      `${result.failed} requests failed; ${end == null ? 'the server runs' : `the server ended: ${end}`}`,
    );
  }
  if (request.method === 'POST' && server.database) {
    acknowledged += result.acknowledged;
    // What a worker does every second.
    while ((await foldCounts(server.database)) > 0);
  }
  return result;
}

async function someIds(database) {
  const rows = await database.query('select id from calls order by random() limit 2000');
  return rows.map(({ id }) => id);
}

async function compare() {
  const real = await startReal();
  const servers = { real, ours: await startBare('ours'), stock: await startBare('stock') };
  await measure(real, requestsFor(real, [])['POST /v1/calls'], 4_000);
  const requests = requestsFor(real, await someIds(real.database));
  const cells = Object.entries(requests).flatMap(([what, request]) =>
    Object.entries(servers).map(([who, server]) => ({ what, who, server, request, results: [] })),
  );
  console.log('Warming up');
  for (const cell of cells) {
    await measure(cell.server, cell.request, 5_000);
    const { perSecond } = await measure(cell.server, cell.request, 2_000);
    cell.amount = Math.round(perSecond * CELL_SECONDS);
  }
  for (let round = 1; round <= Number(options.rounds); round++) {
    for (const cell of cells) cell.results.push(await measure(cell.server, cell.request, cell.amount));
    const rates = cells.filter(({ what }) => what.startsWith('POST')).map(({ who, results }) => [who, results.at(-1)]);
    console.log(`Round ${round}: POST/s ${rates.map(([who, r]) => `${who} ${h.whole(r.perSecond)}`).join(', ')}`);
  }
  const stored = await real.countCalls();
  report(cells, stored);
}

function report(cells, stored) {
  const of = (cell, figure) => h.median(cell.results.map((result) => result[figure]));
  const names = { real: 'Outdial', ours: 'bare, our adapter', stock: 'bare, stock adapter' };
  h.table(
    [`${connections} connections`, 'server', 'requests/s', 'p50 ms', 'p99 ms', 'load generator'],
    cells.map((cell) => [
      cell.what,
      names[cell.who],
      h.whole(of(cell, 'perSecond')),
      of(cell, 'p50'),
      of(cell, 'p99'),
      `${of(cell, 'cores').toFixed(2)} cores`,
    ]),
  );
  const find = (what, who) => cells.find((cell) => cell.what === what && cell.who === who);
  /** The median of the ratios within a round, which what else the machine does disturbs least. */
  const ratio = (what, bare) =>
    h.median(find(what, 'real').results.map((r, i) => r.perSecond / find(what, bare).results[i].perSecond));
  const [post, get, list] = ['POST /v1/calls', 'GET /v1/calls/{id}', 'GET /v1/calls'];
  h.verdicts([
    ['POST of the stock bare route', ratio(post, 'stock'), 1, h.percent],
    ['POST of the bare route on our adapter', ratio(post, 'ours'), 0.6, h.percent],
    ['GET one of the bare route on our adapter', ratio(get, 'ours'), 0.6, h.percent],
  ]);
  console.log(
    `For information: GET one ${h.percent(ratio(get, 'stock'))} of stock; GET list ${h.percent(ratio(list, 'stock'))} ` +
      `of stock, ${h.percent(ratio(list, 'ours'))} of ours (no aim: the bare list neither queries nor counts)`,
  );
  console.log(`No request failed. Acknowledged ${h.whole(acknowledged)} calls, stored ${h.whole(stored)}.`);
  if (stored !== acknowledged) throw new Error('stored calls differ from acknowledged ones');
  const figures = cells.map((cell) => ({
    request: cell.what,
    server: cell.who,
    perSecond: Math.round(of(cell, 'perSecond')),
    p50: of(cell, 'p50'),
    p99: of(cell, 'p99'),
  }));
  const ratios = {
    postOfStock: ratio(post, 'stock'),
    postOfOurs: ratio(post, 'ours'),
    getOfStock: ratio(get, 'stock'),
    getOfOurs: ratio(get, 'ours'),
  };
  console.log(JSON.stringify({ bench: 'api', connections, acknowledged, stored, ratios, figures }));
}

async function profile() {
  const folder = h.temporaryFolder();
  const real = await startReal(['--cpu-prof', '--cpu-prof-interval=500', `--cpu-prof-dir=${folder}`]);
  const request = requestsFor(real, [])['POST /v1/calls'];
  await measure(real, request, 20_000);
  const now = () => Number(process.hrtime.bigint() / 1000n);
  const from = now();
  const { perSecond } = await measure(real, request, 50_000);
  const to = now();
  await h.stop(real.child);
  const [file] = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'));
  const { groups, functions, busyUs } = groupSelfTimes(JSON.parse(readFileSync(join(folder, file), 'utf8')), from, to);
  console.log(
    `${h.whole(perSecond)} POST/s under the profiler; the server's thread was busy ${h.percent(busyUs / (to - from))} ` +
      `of the time, ${Math.round(busyUs / 50_000)} µs a request`,
  );
  const share = ([name, us]) => [name, `${((us / busyUs) * 100).toFixed(1)} %`, (us / 50_000).toFixed(1)];
  h.table(['where', 'self time', 'µs a request'], groups.map(share));
  h.table(['the longest functions', 'self time', 'µs a request'], functions.slice(0, 25).map(share));
}

await h.benchmark('POST, GET one and GET list', options.profile ? profile : compare);
