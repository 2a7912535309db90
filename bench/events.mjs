// The event store beside Emmett's, then whole lives of calls, then the rebuild of the read model from its events. Ours
// writes the `calls` row and the counters in the same transaction; Emmett writes the event only.
//   --rounds N   5 unless given
//   --calls N    calls whose events are rebuilt, 125,000 unless given
import { parseArgs } from 'node:util';
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';
import pg from 'pg';
import { decide } from '../dist/calls/call.js';
import { replay, UNKNOWN_CALL } from '../dist/calls/call-state.js';
import { rebuildCalls } from '../dist/calls/maintenance/call-rebuild.js';
import { appendToCall, CALLS_PROJECTION } from '../dist/calls/call-append.js';
import { foldCounts } from '../dist/calls/maintenance/calls-maintenance.worker.js';
import { EventStore } from '../dist/lib/event-store/index.js';
import { startEmbeddedPostgres } from '../dist/lib/embedded-postgres/index.js';
import { Database, idTime, migrate, newId, openDatabase, poolOf } from '../dist/lib/platform/index.js';
import * as h from './harness.mjs';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, calls: { type: 'string', default: '125000' } },
});
const WRITERS = [1, 64, 256];
const CELL_MS = 2_500;
/** As many connections as the server opens by default, for both stores. */
const POOL_SIZE = 20;

const organizationId = newId();
const agentId = newId();
const FACTS = {
  organizationId,
  environment: 'test',
  agentId,
  direction: 'OUTBOUND',
  fromNumber: '+14155550100',
  toNumber: '+1234567890',
  customerName: 'John Doe',
  dynamicVariables: { company: 'Acme Corp', purpose: 'Follow-up on quote' },
  metadata: { campaign_id: 'summer_2026' },
};
const CAUSE = { requestId: `req-${newId()}`, keyId: newId() };
const END = { sipCode: null, responsible: 'customer', retryable: false, detail: null };

/** What happens to a call, as commands with the milliseconds after its creation. */
const LIFE = [
  [0, { type: 'QueueCall', facts: FACTS }],
  [40, { type: 'DialCall', provider: 'simulator', claim: newId() }],
  [900, { type: 'ReportRinging' }],
  [7_000, { type: 'ReportAnswer' }],
  [127_000, { type: 'EndCall', disconnectionReason: 'user_hangup', outcome: END }],
];

const eventsOf = (id, state, [ms, command]) =>
  decide({ ...command, at: new Date(idTime(id).getTime() + ms).toISOString() }, state);

async function openOurs(url) {
  const dataSource = await openDatabase({ url, poolSize: POOL_SIZE, entities: [] });
  h.defer(() => dataSource.destroy());
  await migrate(dataSource);
  const database = new Database(poolOf(dataSource));
  return { database, store: new EventStore(database, CALLS_PROJECTION) };
}

async function appendAll(store, id, state, version, events) {
  const append = appendToCall(id, version, state, events, CAUSE);
  if (!(await store.append(append))) throw new Error(`append to ${id} refused`);
  return replay(events, state);
}

async function queueOurs({ store }) {
  const id = newId();
  await appendAll(store, id, UNKNOWN_CALL, 0, eventsOf(id, UNKNOWN_CALL, LIFE[0]));
  return 1;
}

/** Emmett with a pool of connections of its own, its schema made beforehand and no projections. */
async function openEmmett(connectionString) {
  const pool = new pg.Pool({ connectionString, max: POOL_SIZE });
  const store = getPostgreSQLEventStore(connectionString, {
    schema: { autoMigration: 'None' },
    connectionOptions: { pooled: true, pool },
  });
  h.defer(async () => {
    await store.close();
    await pool.end();
  });
  await store.schema.migrate();
  return store;
}

async function queueEmmett(store) {
  const id = newId();
  const events = eventsOf(id, UNKNOWN_CALL, LIFE[0]).map((event) => ({ ...event, metadata: CAUSE }));
  // Expecting version 0 spares Emmett a query.
  await store.appendToStream(`call-${id}`, events, { expectedStreamVersion: 0n });
  return 1;
}

/** How many appends a second so many writers make, each waiting for one before it makes the next. */
async function measure(writers, append, ms = CELL_MS) {
  let appended = 0;
  const begun = performance.now();
  const write = async () => {
    while (performance.now() - begun < ms) {
      const count = await append();
      appended += count;
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  return appended / ((performance.now() - begun) / 1000);
}

async function compareAppends(ours, emmett) {
  const cells = WRITERS.map((writers) => ({ writers, ours: [], emmett: [] }));
  for (const writers of WRITERS) {
    await measure(writers, () => queueOurs(ours), 1_000);
    await measure(writers, () => queueEmmett(emmett), 1_000);
  }
  for (let round = 1; round <= Number(options.rounds); round++) {
    for (const cell of cells) {
      cell.ours.push(await measure(cell.writers, () => queueOurs(ours)));
      await foldAll(ours.database);
      cell.emmett.push(await measure(cell.writers, () => queueEmmett(emmett)));
    }
    const rates = cells.map((cell) => `${cell.writers}: ${h.whole(cell.ours.at(-1))} / ${h.whole(cell.emmett.at(-1))}`);
    console.log(`Round ${round}, appends/s by writers, ours / Emmett: ${rates.join(', ')}`);
  }
  return cells.map(({ writers, ours, emmett }) => ({
    writers,
    ours: h.median(ours),
    emmett: h.median(emmett),
    ratio: h.median(ours.map((rate, round) => rate / emmett[round])),
  }));
}

async function foldAll(database) {
  while ((await foldCounts(database)) > 0);
}

/** A whole life, each of its events an append of its own. */
async function liveOurs({ store }) {
  const id = newId();
  let state = UNKNOWN_CALL;
  for (let version = 0; version < LIFE.length; version++)
    state = await appendAll(store, id, state, version, eventsOf(id, state, LIFE[version]));
  return LIFE.length;
}

async function measureLives(ours) {
  const rates = [];
  for (let round = 1; round <= 3; round++) {
    rates.push(await measure(256, () => liveOurs(ours), 3_000));
    console.log(`Whole lives, round ${round}: ${h.whole(rates.at(-1))} appends/s`);
    await foldAll(ours.database);
  }
  return h.median(rates);
}

/** A database with whole lives only: four of five calls are answered, the fifth is cancelled while it rings. */
async function fill({ store, database }, calls) {
  let begun = 0;
  const write = async () => {
    while (begun < calls) {
      const isAnswered = ++begun % 5 > 0;
      const id = newId();
      const events = [];
      let state = UNKNOWN_CALL;
      for (const step of isAnswered ? LIFE : [...LIFE.slice(0, 3), [8_000, { type: 'CancelCall' }]]) {
        const next = eventsOf(id, state, step);
        events.push(...next);
        state = replay(next, state);
      }
      await appendAll(store, id, UNKNOWN_CALL, 0, events);
    }
  };
  await Promise.all(Array.from({ length: 256 }, write));
  await foldAll(database);
  await database.query('vacuum analyze calls, call_events, call_counts, call_count_deltas');
}

async function measureRebuild({ database }) {
  const fingerprint = `select count(*)::int as calls, sum(hashtextextended(c::text, 0))::text as hash from calls c`;
  const [before] = await database.query(fingerprint);
  const rates = { unchanged: [], empty: [] };
  let events = 0;
  for (let round = 1; round <= 3; round++)
    for (const kind of ['unchanged', 'empty']) {
      if (kind === 'empty') await database.query('truncate calls');
      const begun = performance.now();
      const report = await rebuildCalls(database);
      rates[kind].push(report.events / ((performance.now() - begun) / 1000));
      events = report.events;
      const [after] = await database.query(fingerprint);
      const mended = kind === 'empty' ? before.calls : 0;
      if (after.hash !== before.hash || report.mended !== mended || report.countsMended !== 0)
        throw new Error(`rebuilt rows differ: ${JSON.stringify({ before, after, report })}`);
      console.log(`Rebuild, round ${round}, ${kind}: ${h.whole(rates[kind].at(-1))} events/s`);
      await database.query('vacuum analyze calls');
    }
  return { events, calls: before.calls, unchanged: h.median(rates.unchanged), empty: h.median(rates.empty) };
}

await h.benchmark('Appends and rebuild', async () => {
  const server = await startEmbeddedPostgres({ dataDir: h.temporaryFolder() });
  h.defer(() => server.stop());
  const ours = await openOurs(server.url);
  const appends = await compareAppends(ours, await openEmmett(server.url));
  const lives = await measureLives(ours);

  await ours.database.query('create database rebuilt');
  const rebuilt = await openOurs(server.url.replace(/[^/]+$/, 'rebuilt'));
  console.log(`Writing the lives of ${h.whole(Number(options.calls))} calls`);
  await fill(rebuilt, Number(options.calls));
  const rebuild = await measureRebuild(rebuilt);

  h.table(
    ['appends/s', 'ours', 'Emmett', 'ratio'],
    appends.map(({ writers, ours: a, emmett: b, ratio }) => [
      `${writers} writer${writers > 1 ? 's' : ''}`,
      h.whole(a),
      h.whole(b),
      `${ratio.toFixed(1)} ×`,
    ]),
  );
  h.table(
    ['events/s', 'median'],
    [
      ['whole lives, an append for each event, 256 writers', h.whole(lives)],
      [
        `rebuild of ${h.whole(rebuild.events)} events over ${h.whole(rebuild.calls)} unchanged rows`,
        h.whole(rebuild.unchanged),
      ],
      ['rebuild into an empty table', h.whole(rebuild.empty)],
    ],
  );
  const at = (writers) => appends.find((row) => row.writers === writers);
  h.verdicts([
    ['appends of Emmett at 64 writers', at(64).ratio, 3, (ratio) => `${ratio.toFixed(1)} ×`],
    ['appends/s at 256 writers', at(256).ours, 20_000, h.whole],
    ['events/s rebuilt over unchanged rows', rebuild.unchanged, 100_000, h.whole],
    ['events/s rebuilt into an empty table', rebuild.empty, 100_000, h.whole],
  ]);
  console.log(JSON.stringify({ bench: 'events', appends, lives, rebuild }));
});
