import { TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { EventStream, type ServerSentEvent } from '../support/event-stream.js';
import { temporaryFolder } from '../support/process.js';

describe('GET /v1/calls/{id}/stream', () => {
  const folder = temporaryFolder();
  let db: TestDatabase;
  let app: TestApp;
  let tenant: Tenant;

  beforeAll(async () => {
    db = await openTestDatabase();
    app = await TestApp.start(db.url, {
      roles: ['api', 'worker'],
      dataDir: folder.path,
      simulatorSpeed: 50,
      callsPerSecond: 0,
    });
    tenant = await app.tenant();
  });

  afterAll(async () => {
    await app.close();
    await db.close();
    folder.remove();
  });

  const open = (id: string, lastEventId?: string, key = tenant.key) =>
    EventStream.open(app, `/v1/calls/${id}/stream`, { key, lastEventId });
  const get = async (path: string) => (await app.request('GET', path, { key: tenant.key })).body.data;
  const types = (events: ServerSentEvent[]) => events.map(({ event }) => event);
  const tell = async (event: object) => {
    const body = { specversion: '1.0', source: '/media', ...event };
    const answer = await app.request('POST', '/internal/v1/call-events', { key: tenant.key, body });
    expect(answer.body.data).toEqual([expect.objectContaining({ status: 'accepted' })]);
  };
  const endedCall = async () => {
    const id = await app.createCall(tenant);
    return { id, events: await (await open(id)).rest() };
  };

  it('200 has the whole timeline and every turn, in order, and ends with the call', async () => {
    const id = await app.createCall(tenant, { customerName: 'John Doe' });
    const stream = await open(id);
    expect(stream.status).toBe(200);
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(stream.response.headers.get('cache-control')).toBe('no-store');
    const events = await stream.rest();

    const turns = Array.from({ length: 8 }, () => 'call.turn');
    const before = ['call.queued', 'call.dialing', 'call.ringing', 'call.started'];
    expect(types(events)).toEqual([...before, ...turns, 'call.ended']);
    for (const { id: place, event, data } of events) expect(data).toMatchObject({ id: place, type: event, callId: id });

    const timeline = (await get(`/v1/calls/${id}/events`)) as object[];
    const told = events.filter(({ event }) => event !== 'call.turn').map(({ data }) => data);
    expect(told.map(({ type, version, occurredAt, data }) => ({ type, version, occurredAt, data }))).toEqual(
      timeline.map((entry) => ({ ...entry, id: undefined })),
    );
    const said = events.filter(({ event }) => event === 'call.turn').map(({ data }) => data);
    expect(said.every(({ version }) => version === null)).toBe(true);
    for (const { data } of events) expect(data.occurredAt).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/);
    expect(said.map(({ data }) => data)).toEqual(await get(`/v1/calls/${id}/transcript`));
  });

  it('200 after any Last-Event-ID has the rest and nothing twice', async () => {
    const { id, events } = await endedCall();
    expect(await (await open(id)).rest()).toEqual(events);
    for (let cut = 1; cut < events.length; cut++) {
      const stream = await open(id, events[cut - 1]?.id);
      expect(stream.status).toBe(200);
      expect([...events.slice(0, cut), ...(await stream.rest())]).toEqual(events);
    }
  });

  it('200 loses and repeats nothing when the connection breaks after every event', async () => {
    const id = await app.createCall(tenant);
    const events: ServerSentEvent[] = [];
    while (events.at(-1)?.event !== 'call.ended') {
      const stream = await open(id, events.at(-1)?.id);
      events.push(...(await stream.take(1)));
      stream.close();
    }
    expect(events).toEqual(await (await open(id)).rest());
  });

  it('204 after the end', async () => {
    const { id, events } = await endedCall();
    const stream = await open(id, events.at(-1)?.id);
    expect(stream.status).toBe(204);
    expect(await stream.rest()).toEqual([]);
  });

  it('200 after the end has the later events, ends again, and then 204', async () => {
    const { id, events } = await endedCall();
    const resume = async (after: ServerSentEvent | undefined) => (await open(id, after?.id)).rest();
    await tell({ id: `late turn ${id}`, type: 'call.turn', subject: id, data: lateTurn });
    const [turn, ...none] = await resume(events.at(-1));
    expect([turn?.data, none]).toMatchObject([{ type: 'call.turn', data: lateTurn }, []]);
    expect((await open(id, turn?.id)).status).toBe(204);

    const data = { url: 'https://example.com/1.wav' };
    await tell({ id: `recording ${id}`, type: 'call.recorded', subject: id, data });
    const [recorded] = await resume(turn);
    expect(recorded?.data).toMatchObject({ type: 'call.recorded', data });
    expect(await resume(events.at(-1))).toEqual([turn, recorded]);
    expect((await open(id, recorded?.id)).status).toBe(204);
  });

  it.each(['x', '1', '1-', '-1', '1-2-3', '1.5-2', '1-9223372036854775808', '99999999999999999999-1', "1-1' or 1=1"])(
    '400 for the Last-Event-ID %s',
    async (lastEventId) => {
      const id = await app.createCall(tenant, { scheduledAt: inAnHour() });
      for (const path of [`/v1/calls/${id}/stream`, '/v1/events/stream']) {
        const { status, body } = await app.request('GET', path, {
          key: tenant.key,
          headers: { 'last-event-id': lastEventId },
        });
        expect(status).toBe(400);
        expect(body.error).toMatchObject({
          code: 'validation_error',
          details: { 'Last-Event-ID': expect.any(String) },
        });
      }
    },
  );

  it('403 without the scope', async () => {
    const id = await app.createCall(tenant, { scheduledAt: inAnHour() });
    const key = await app.key(tenant.organizationId, { scopes: ['calls:write', 'events:write'] });
    for (const path of [`/v1/calls/${id}/stream`, '/v1/events/stream']) {
      const { status, body } = await app.request('GET', path, { key });
      expect(status).toBe(403);
      expect(body.error).toMatchObject({
        code: 'insufficient_scope',
        message: 'API key does not have the required scope: calls:read',
      });
    }
  });

  it("404 is the same for another organization's call, another environment's and a missing one", async () => {
    const id = await app.createCall(tenant, { scheduledAt: inAnHour() });
    const strangers = [(await app.tenant()).key, await app.key(tenant.organizationId, { environment: 'live' })];
    const asked = [...strangers.map((key) => [id, key] as const), ['x', tenant.key] as const];
    for (const [call, key] of asked) {
      const { status, body } = await app.request('GET', `/v1/calls/${call}/stream`, { key });
      expect(status).toBe(404);
      expect(body.error).toEqual({ code: 'not_found', message: 'Call not found', details: null });
    }
  });

  const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
  const lateTurn = { speaker: 'agent', text: 'One\nmore \u2028 thing', startMs: 1_000_000, endMs: 1_000_001 };
});
