import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { TestApp } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually, Program, temporaryFolder } from '../support/process.js';
import { OUTBOUND } from '../webhooks/webhooks-harness.js';

// The short form; CHAOS_WEBHOOK_CALLS=10000 is the long one.
const CALLS = Number(process.env['CHAOS_WEBHOOK_CALLS'] ?? 300);
const EVENTS = ['call.queued', 'call.started', 'call.ended'];
const FAILING = 0.3;
const KEY = 'ab'.repeat(32);

interface ReceivedEvent {
  eventId: string;
  sequence: number;
  timestamp: string;
  id: string;
  data: { callId: string };
}

/** A receiver that fails a share of all requests, before or after it has stored the event, by a status or a closed connection. */
class UnreliableReceiver {
  readonly received: ReceivedEvent[] = [];
  requests = 0;
  failures = 0;
  badSignatures = 0;
  secret = '';
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        this.requests += 1;
        if (!this.isSigned(body, request.headers)) this.badSignatures += 1;
        const fails = Math.random() < FAILING;
        if (fails) this.failures += 1;
        if (!fails || Math.random() < 0.5) this.received.push(JSON.parse(body) as ReceivedEvent);
        if (!fails) response.end();
        else if (Math.random() < 0.5) response.writeHead(500).end();
        else request.socket.destroy();
      });
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private isSigned(body: string, headers: Record<string, unknown>): boolean {
    const contract = createHmac('sha256', this.secret).update(body).digest('hex');
    try {
      new Webhook(this.secret).verify(body, headers as Record<string, string>);
      return headers['x-replicer-signature'] === contract;
    } catch {
      return false;
    }
  }
}

describe('webhooks while workers are killed', () => {
  const folder = temporaryFolder();
  const receiver = new UnreliableReceiver();
  const programs = new Map<string, Program>();
  let db: TestDatabase;
  let api: TestApp;
  let isStopping = false;

  beforeAll(async () => {
    db = await openTestDatabase();
    api = await TestApp.start(db.url, { encryptionKey: Buffer.from(KEY, 'hex'), outbound: OUTBOUND });
  });

  afterAll(async () => {
    isStopping = true;
    await Promise.all([...programs.values()].map((program) => program.kill('SIGTERM')));
    receiver.stop();
    await api.close();
    await db.close();
    folder.remove();
  });

  const launch = (name: string): void => {
    const program = Program.run('main.js', [], {
      DATABASE_URL: db.url,
      DATA_DIR: folder.path,
      ROLES: 'worker',
      PORT: '0',
      ENCRYPTION_KEY: KEY,
      PRIVATE_NETWORKS: '127.0.0.0/8',
      WEBHOOK_RETRY_SECONDS: Array(20).fill('1').join(','),
      SIMULATOR_SPEED: '400',
      MAX_CONCURRENT_CALLS: '0',
      CALLS_PER_SECOND: '0',
      LEASE_SECONDS: '1',
      LOG_LEVEL: 'error',
    });
    programs.set(name, program);
    // Restarts a killed process, as a supervisor would.
    void program.exited.then(() => {
      if (!isStopping && programs.get(name) === program) launch(name);
    });
  };

  const count = async (sql: string): Promise<number> => {
    const [row] = await db.database.query<{ count: number }>(`select count(*)::int as count from ${sql}`);
    return row?.count ?? 0;
  };

  it(`${CALLS} calls, a receiver that fails ${FAILING * 100} %: nothing is lost, every signature is valid`, async () => {
    const tenant = await api.tenant();
    const body = { url: await receiver.start(), events: EVENTS };
    const { data } = (await api.request('POST', '/v1/webhooks', { key: tenant.key, body })).body;
    receiver.secret = data.secret;
    launch('worker-1');
    launch('worker-2');
    const calls: string[] = [];
    const load = (async () => {
      for (let made = 0; made < CALLS; made += 50)
        calls.push(
          ...(await Promise.all(
            Array.from({ length: Math.min(50, CALLS - made) }, () =>
              api.createCall(tenant, { toNumber: '+15550000001' }),
            ),
          )),
        );
    })();
    const kills: string[] = [];
    const deadline = 120_000 + CALLS * 60;
    // At different shares of the work, in the middle of other requests.
    for (const share of [0.1, 0.3, 0.5, 0.7, 0.9]) {
      await eventually(
        'a share of the requests',
        () => Promise.resolve(receiver.requests >= share * CALLS * 3 || undefined),
        deadline,
      );
      const victim = kills.length % 2 === 0 ? 'worker-1' : 'worker-2';
      programs.get(victim)?.child.kill('SIGKILL');
      kills.push(`${victim} after ${receiver.requests} requests`);
    }
    await load;
    const over = async () => (await count('calls where ended_at is not null')) === CALLS;
    await eventually('every call is over', async () => ((await over()) ? true : undefined), deadline);
    const [{ ids }] = (await db.database.query<{ ids: string[] }>(
      `select array_agg(stream_id || '.' || version) as ids from call_events where type = any($1)`,
      [EVENTS],
    )) as [{ ids: string[] }];
    const delivered = async () => (await count(`webhook_deliveries where status = 'delivered'`)) >= ids.length;
    await eventually('every event is delivered', async () => ((await delivered()) ? true : undefined), deadline);
    const eventIds = new Set(receiver.received.map(({ eventId }) => eventId));
    const report = {
      calls: CALLS,
      events: ids.length,
      requests: receiver.requests,
      failures: receiver.failures,
      kills,
      repeated: receiver.received.length - eventIds.size,
      lost: ids.filter((id) => !eventIds.has(id)).length,
      badSignatures: receiver.badSignatures,
      deliveriesTooMany: (await count('webhook_deliveries')) - ids.length,
      outOfOrder: callsOutOfOrder(receiver.received),
    };
    process.stdout.write(`${JSON.stringify(report)}\n`);
    // A call whose worker is killed before the answer has no `call.started`.
    expect(report.events).toBeGreaterThanOrEqual(CALLS * (EVENTS.length - 1));
    expect(report).toMatchObject({ lost: 0, badSignatures: 0, deliveriesTooMany: 0, outOfOrder: 0 });
  }, 3_600_000);

  /** Counts calls whose sequence numbers and times have different orders. */
  function callsOutOfOrder(received: readonly ReceivedEvent[]): number {
    const byCall = new Map<string, ReceivedEvent[]>();
    for (const each of received) byCall.set(each.data.callId, [...(byCall.get(each.data.callId) ?? []), each]);
    return [...byCall.values()].filter((events) => {
      const times = events.toSorted((a, b) => a.sequence - b.sequence).map(({ timestamp }) => timestamp);
      return times.some((time, index) => index > 0 && time < (times[index - 1] ?? ''));
    }).length;
  }
});
