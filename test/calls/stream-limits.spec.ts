import { once } from 'node:events';
import net from 'node:net';
import { ApiKeysService } from '../../src/api-keys/api-keys.service.js';
import { OpenStreams, type StreamLimits } from '../../src/calls/stream/open-streams.js';
import { TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { EventStream } from '../support/event-stream.js';
import { eventually } from '../support/process.js';

const TURNS = 1_200;
const TURN_LENGTH = 10_000;

describe('open streams', () => {
  let db: TestDatabase;
  let app: TestApp;
  let tenant: Tenant;
  let streams: OpenStreams;

  /** The sockets of the server. */
  const connections: net.Socket[] = [];

  beforeAll(async () => {
    db = await openTestDatabase();
    app = await start();
    tenant = await app.tenant();
    streams = app.nest.get(OpenStreams);
    limits = { ...streams.limits };
  });
  afterAll(async () => {
    await app.close();
    await db.close();
  });
  let limits: StreamLimits;
  afterEach(async () => {
    Object.assign(streams.limits, limits);
    await noneIsOpen();
  });

  async function start(): Promise<TestApp> {
    const started = await TestApp.start(db.url);
    started.nest.getHttpServer().on('connection', (socket: net.Socket) => connections.push(socket));
    return started;
  }
  const open = (key = tenant.key, path = '/v1/events/stream') => EventStream.open(app, path, { key });
  const noneIsOpen = () => eventually('no open stream', () => Promise.resolve(streams.size === 0 || undefined));

  /** A client that requests a stream and reads nothing until it resumes. */
  async function slowReader(path: string, { url } = app): Promise<{ socket: net.Socket; serverSide: net.Socket }> {
    const known = connections.length;
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1').pause();
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tenant.key}\r\n\r\n`);
    const serverSide = await eventually('a connection', () => Promise.resolve(connections[known]));
    return { socket, serverSide };
  }

  /** An ended call with more turns than the buffers of sockets hold. */
  async function longCall(): Promise<string> {
    const id = await app.createCall(tenant);
    await db.database.query(
      `insert into call_turns (call_id, speaker, text, start_ms, end_ms)
       select $1, 'agent', repeat('x', ${TURN_LENGTH}), n, n from generate_series(1, ${TURNS}) n`,
      [id],
    );
    const { status } = await app.request('POST', `/v1/calls/${id}/cancel`, { key: tenant.key });
    expect(status).toBe(200);
    return id;
  }

  it('a quiet stream gets a comment at every interval', async () => {
    streams.limits.heartbeatMs = 5;
    const stream = await open();
    expect([await stream.comment(), await stream.comment()]).toEqual(['still here', 'still here']);
    // Events still arrive.
    const id = await app.createCall(tenant);
    expect((await stream.next())?.data.callId).toBe(id);
    stream.close();
  });

  it('a disconnected client frees its slot', async () => {
    const watching = [await open(), await open()];
    expect(streams.size).toBe(2);
    for (const stream of watching) stream.close();
    await noneIsOpen();
  });

  it('a client that disconnects before its stream starts takes no slot', async () => {
    streams.limits.perKey = 3;
    const id = await app.createCall(tenant);
    const locked = await db.database.transaction(async (client) => {
      await client.query('lock table calls in access exclusive mode');
      const clients = await Promise.all(Array.from({ length: 3 }, () => slowReader(`/v1/calls/${id}/stream`)));
      await eventually('a look-up that waits', async () => {
        const [waiting] = await db.database.query(`select from pg_locks where not granted and locktype = 'relation'`);
        return waiting;
      });
      for (const { socket } of clients) socket.destroy();
      for (const { serverSide } of clients) if (!serverSide.closed) await once(serverSide, 'close');
      return clients.length;
    });
    expect(locked).toBe(3);
    // Runs after their queries.
    expect((await app.request('GET', `/v1/calls/${id}`, { key: tenant.key })).status).toBe(200);
    const watching = [await open(), await open(), await open()];
    expect(watching.map(({ status }) => status)).toEqual([200, 200, 200]);
    for (const stream of watching) stream.close();
  });

  it('the streams of a revoked key end, and those of other keys continue', async () => {
    const keys = app.nest.get(ApiKeysService);
    const issued = await keys.issue(tenant.organizationId, { name: 'x', environment: 'test', scopes: ['calls:read'] });
    const [ended, other] = [await open(issued.key), await open()];
    await keys.revokeAny(issued.entity.id);
    await ended.rest();
    expect(streams.size).toBe(1);
    other.close();
  });

  it('429 above the limit of a key; other keys continue, and a closed stream frees a slot', async () => {
    streams.limits.perKey = 2;
    const [first, second] = [await open(), await open()];
    const refused = await app.request('GET', '/v1/events/stream', { key: tenant.key });
    expect(refused.status).toBe(429);
    expect(refused.body.error).toEqual({
      code: 'rate_limit_exceeded',
      message: 'Too many open streams. Close one and try again',
      details: null,
    });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const other = await open(await app.key(tenant.organizationId));
    expect(other.status).toBe(200);
    first.close();
    const again = await eventually('room', async () => {
      const stream = await open();
      return stream.status === 200 ? stream : undefined;
    });
    for (const stream of [second, other, again]) stream.close();
  });

  it('429 above the limit of the process', async () => {
    streams.limits.perProcess = 1;
    const only = await open();
    const { status, body } = await app.request('GET', '/v1/events/stream', { key: (await app.tenant()).key });
    expect(status).toBe(429);
    expect(body.error.code).toBe('rate_limit_exceeded');
    only.close();
  });

  it('HEAD gets its reply at once', async () => {
    const { status, headers } = await app.request('HEAD', '/v1/events/stream', { key: tenant.key });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(streams.size).toBe(0);
  });

  it('a server that stops ends its streams', async () => {
    const other = await start();
    const { key } = tenant;
    const id = await app.createCall(tenant);
    const watching = [
      await EventStream.open(other, '/v1/events/stream', { key }),
      await EventStream.open(other, `/v1/calls/${id}/stream`, { key }),
    ];
    await watching[1]?.until('call.queued');
    const closing = other.nest.get(OpenStreams);
    await other.close();
    // Sent events may still arrive; then each stream ends.
    for (const stream of watching) await stream.rest();
    expect(closing.size).toBe(0);
    // A stream that opens during the stop ends at once.
    expect(closing.open('key')?.signal.aborted).toBe(true);
  });

  it('a server stops although a client does not read', async () => {
    const other = await start();
    const { socket, serverSide } = await slowReader(`/v1/calls/${await longCall()}/stream`, other);
    await eventually('a full socket', () => Promise.resolve(serverSide.writableLength > 0 || undefined));
    await other.close();
    expect(serverSide.destroyed).toBe(true);
    socket.destroy();
  });

  it('a client that does not read fills no memory of the server, blocks no other client and may read later', async () => {
    const path = `/v1/calls/${await longCall()}/stream`;
    const { socket, serverSide } = await slowReader(path);
    let most = 0;
    const look = () => (most = Math.max(most, serverSide.writableLength));
    await eventually('a full socket', () => Promise.resolve(look() > 0 || undefined));

    const quick = await open(tenant.key, path);
    let turns = 0;
    for (let event = await quick.next(); event; event = await quick.next()) {
      if (event.event === 'call.turn') turns++;
      look();
    }
    expect(turns).toBe(TURNS);
    expect(serverSide.writableLength).toBeGreaterThan(0);
    expect(most).toBeLessThan(10 * TURN_LENGTH);

    socket.setEncoding('utf8').resume();
    const heard = await readToEnd(socket);
    expect(heard.match(/^event: call\.turn$/gm)).toHaveLength(TURNS);
    expect(heard.match(/^event: call\.ended$/gm)).toHaveLength(1);
    socket.destroy();
  });
});

/** Reads a response up to the chunk that ends it. */
async function readToEnd(socket: net.Socket): Promise<string> {
  const chunks: string[] = [];
  for await (const chunk of socket) {
    chunks.push(chunk as string);
    if (chunks.slice(-5).join('').endsWith('\r\n0\r\n\r\n')) break;
  }
  return chunks.join('');
}
