// From the commit of an event to the first attempt to tell it, and how many deliveries a second there are with and
// without an endpoint that never answers.
import { setTimeout as delay } from 'node:timers/promises';
import {
  benchmark,
  median,
  nextMessage,
  quantile,
  startHelper,
  startServer,
  stop,
  table,
  temporaryFolder,
  verdicts,
  whole,
} from './harness.mjs';

const IDLE_CALLS = Number(process.env.BENCH_IDLE_CALLS ?? 300);
const ENDPOINTS = 100;
const CALLS = Number(process.env.BENCH_CALLS ?? 100);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);

const times = (ratio) => `${ratio.toFixed(2)} ×`;
const ms = (values, q) => `${quantile(values, q).toFixed(0)} ms`;

await benchmark('Webhooks', async () => {
  const receiver = startHelper('webhook-receiver.mjs');
  const { url: receiverUrl } = await nextMessage(receiver);
  const server = await startServer({
    DATA_DIR: temporaryFolder(),
    RATE_LIMIT_PER_MINUTE: '0',
    PRIVATE_NETWORKS: '127.0.0.0/8',
  });
  const [, key] = /test key {2}(\S+)/.exec(await told(server, /test key/));
  const [, body] = /-d '(.*)'/.exec(await told(server, /-d '/));
  // Far ahead: what is measured is telling, not calling.
  const call = { ...JSON.parse(body), scheduledAt: new Date(Date.now() + 90 * 86_400_000).toISOString() };
  const client = { url: server.url, key, call, receiver, receiverUrl };

  await round(client, { dead: 0, calls: 20 });
  const waits = await idle(client);
  const rates = { healthy: [], dead: [] };
  for (let n = 0; n < ROUNDS; n++) {
    rates.healthy.push(await round(client, { dead: 0, calls: CALLS }));
    rates.dead.push(await round(client, { dead: 1, calls: CALLS }));
  }
  await stop(server.child);

  table(['idle', 'p50', 'p99'], [['commit → first attempt', ms(waits, 0.5), ms(waits, 0.99)]]);
  table(
    ['deliveries/s', ...rates.healthy.map((_, n) => `round ${n + 1}`), 'median'],
    Object.entries(rates).map(([name, values]) => [
      name === 'dead' ? `1 of ${ENDPOINTS} dead` : 'all healthy',
      ...[...values, median(values)].map(whole),
    ]),
  );
  const ratio = median(rates.dead.map((rate, n) => rate / rates.healthy[n]));
  verdicts([
    ['idle p50 at most 20 ms', 20 / Math.max(1, quantile(waits, 0.5)), 1, times],
    ['idle p99 at most 100 ms', 100 / Math.max(1, quantile(waits, 0.99)), 1, times],
    [`rate with 1 of ${ENDPOINTS} dead, to that without`, ratio, 0.95, times],
  ]);
  console.log(JSON.stringify({ p50: quantile(waits, 0.5), p99: quantile(waits, 0.99), ...rates, ratio }));
});

/** Milliseconds from the time in an event, which is before its commit, to its arrival: an upper bound. */
async function idle(client) {
  const { id } = await ask(client, 'POST', '/v1/webhooks', {
    url: `${client.receiverUrl}/hook`,
    events: ['call.queued'],
  });
  await expect(client, IDLE_CALLS);
  const done = nextMessage(client.receiver);
  for (let n = 0; n < IDLE_CALLS; n++) {
    await ask(client, 'POST', '/v1/calls', client.call);
    await delay(30);
  }
  const { arrivals } = await done;
  await ask(client, 'DELETE', `/v1/webhooks/${id}`);
  return arrivals.map(({ at, timestamp }) => Math.max(0, at - Date.parse(timestamp)));
}

/** Deliveries a second to the endpoints that answer. */
async function round(client, { dead, calls }) {
  const paths = Array.from({ length: ENDPOINTS }, (_, n) => (n < dead ? '/dead' : `/hook/${n}`));
  const ids = [];
  for (const path of paths)
    ids.push(
      (await ask(client, 'POST', '/v1/webhooks', { url: client.receiverUrl + path, events: ['call.queued'] })).id,
    );
  const deliveries = (ENDPOINTS - dead) * calls;
  await expect(client, deliveries);
  const done = nextMessage(client.receiver);
  const begun = Date.now();
  for (let n = 0; n < calls; n += 20)
    await Promise.all(
      Array.from({ length: Math.min(20, calls - n) }, () => ask(client, 'POST', '/v1/calls', client.call)),
    );
  const { arrivals } = await done;
  const took = Math.max(...arrivals.map(({ at }) => at)) - begun;
  for (const id of ids) await ask(client, 'DELETE', `/v1/webhooks/${id}`);
  return (deliveries * 1000) / took;
}

async function expect({ receiver }, expected) {
  receiver.send({ expected });
  await nextMessage(receiver);
}

async function ask({ url, key }, method, path, body) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const response = await fetch(url + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  const answer = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(answer));
  return answer.data;
}

async function told({ output, child }, pattern) {
  while (!pattern.test(output())) {
    if (child.exitCode !== null) throw new Error(output());
    await delay(20);
  }
  return output();
}
