import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { TestApp, type Tenant } from '../../support/app.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/process.js';

/** A wire to the database that can be cut and mended. */
class Wire {
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;
  private port = 0;

  constructor(private readonly target: URL) {}

  /** The address of the database at this end of the wire. */
  get url(): string {
    const url = new URL(this.target);
    url.hostname = '127.0.0.1';
    url.port = String(this.port);
    return url.href;
  }

  async mend(): Promise<void> {
    this.server = createServer((here) => {
      const there = connect(Number(this.target.port), this.target.hostname);
      for (const [socket, other] of [
        [here, there],
        [there, here],
      ] as const) {
        this.sockets.add(socket);
        socket.on('error', () => undefined).on('close', () => other.destroy());
        socket.pipe(other);
      }
    }).listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  async cut(): Promise<void> {
    const closed = this.server && once(this.server, 'close');
    this.server?.close();
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
    await closed;
  }
}

describe('health', () => {
  let db: TestDatabase;
  let wire: Wire;
  let app: TestApp;
  let tenant: Tenant;

  beforeAll(async () => {
    db = await openTestDatabase();
    wire = new Wire(new URL(db.url));
    await wire.mend();
    app = await TestApp.start(wire.url);
    tenant = await app.tenant();
  });

  afterAll(async () => {
    await app.close();
    await wire.cut();
    await db.close();
  });

  const get = (path: string) => app.request('GET', path, { key: tenant.key });
  const createCall = () =>
    app.request('POST', '/v1/calls', {
      key: tenant.key,
      body: { agentId: tenant.agentId, toNumber: '+1234567890', fromNumber: tenant.fromNumber },
    });

  it('200 alive and ready while everything is there', async () => {
    for (const path of ['/health/live', '/health/ready']) {
      const { status, body } = await app.request('GET', path);
      expect([status, body]).toEqual([200, { data: { status: 'ok' }, requestId: expect.stringMatching(/^req-/) }]);
    }
  });

  it('503 while the database cannot be reached, alive all the same, and everything again when it is back', async () => {
    await app.createCall(tenant);
    await wire.cut();
    expect((await get('/health/live')).status).toBe(200);
    for (const answer of [await get('/health/ready'), await get('/v1/calls'), await createCall()]) {
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(answer.body.error).toEqual({
        code: 'internal_error',
        message: 'The service cannot reach its database; retry',
        details: null,
      });
    }
    await wire.mend();
    await eventually('ready again', async () => ((await get('/health/ready')).status === 200 ? true : undefined));
    expect((await createCall()).status).toBe(201);
    expect((await get('/v1/calls')).body.pagination.total).toBe(2);
  });
});
