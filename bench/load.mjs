// Sends load from a process of its own, one job after the other: `{url, method, paths, headers, body, connections,
// amount}`.
import autocannon from 'autocannon';

/** Each connection asks for paths of its own, in turn. Each POST gets its own Idempotency-Key: autocannon fills in `[<id>]`. */
async function load({ paths, amount, ...options }) {
  const share = Math.max(1, Math.floor(paths.length / options.connections));
  let connection = 0;
  const before = process.cpuUsage();
  const begun = performance.now();
  const result = await autocannon({
    ...options,
    amount,
    idReplacement: options.method === 'POST',
    setupClient: (client) => {
      const from = (connection++ * share) % paths.length;
      client.setRequests(paths.slice(from, from + share).map((path) => ({ path })));
    },
    sampleInt: 10,
  });
  const ms = performance.now() - begun;
  const { user, system } = process.cpuUsage(before);
  return {
    perSecond: amount / (ms / 1000),
    p50: result.latency.p50,
    p99: result.latency.p99,
    acknowledged: result['2xx'],
    failed: result.non2xx + result.errors + result.timeouts,
    cores: (user + system) / 1000 / ms,
  };
}

process.on('message', (job) => {
  load(job).then(
    (result) => process.send(result),
    (error) => process.send({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
