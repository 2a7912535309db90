import { CallCommands } from '../../src/calls/call-commands.js';
import { type Answer, type Json, type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';

const ONE = 'application/cloudevents+json; charset=utf-8';
const BATCH = 'application/cloudevents-batch+json';

describe('POST /internal/v1/call-events', () => {
  const app = useApp();
  let tenant: Tenant;
  let made = 0;

  beforeAll(async () => {
    tenant = await app.tenant();
  });

  const event = (subject: string, type: string, data: object = {}, more: object = {}) => {
    const id = String(++made);
    return { specversion: '1.0', id, source: '/media', type, subject, data, ...more };
  };
  const turn = (subject: string, startMs: number, text = 'Hello') =>
    event(subject, 'call.turn', { speaker: 'agent', text, startMs, endMs: startMs + 1 });
  const post = (body: unknown, key = tenant.key, type = Array.isArray(body) ? BATCH : ONE): Promise<Answer> =>
    app.request('POST', '/internal/v1/call-events', { key, body, headers: { 'content-type': type } });
  const receipts = async (body: unknown, key = tenant.key): Promise<Json[]> => {
    const answer = await post(body, key);
    expect(answer.status).toBe(200);
    return answer.body.data;
  };
  const statuses = async (body: unknown) => (await receipts(body)).map(({ status }) => status as string);
  const read = async (path: string) => (await app.request('GET', `/v1/calls/${path}`, { key: tenant.key })).body.data;
  const timeline = async (id: string) => (await read(`${id}/events`)).map(({ type }: Json) => type);

  /** A call with a claimed attempt and no further event. */
  async function dialingCall(): Promise<string> {
    const id = await app.createCall(tenant);
    const command = { type: 'DialCall', at: new Date().toISOString(), provider: 'media', claim: id } as const;
    await app.nest.get(CallCommands).execute(id, command, {});
    return id;
  }

  it('200 has a receipt with id and source for a single event', async () => {
    const sent = event(await dialingCall(), 'call.ringing');
    const { status, body } = await post(sent);
    expect(status).toBe(200);
    expect(body).toEqual({
      data: [{ id: sent.id, source: '/media', status: 'accepted', problem: null }],
      requestId: expect.stringMatching(/^req-/),
    });
  });

  it('200 signals take a call to its end, at their own times', async () => {
    const id = await dialingCall();
    const at = (seconds: number) => ({ time: new Date(Date.now() - 60_000 + seconds * 1_000).toISOString() });
    const [started, ended] = [at(5), at(17)];
    const end = { disconnectionReason: 'user_hangup', sipCode: 200, detail: 'BYE' };
    const events = [
      event(id, 'call.ringing', {}, at(1)),
      event(id, 'call.started', {}, started),
      turn(id, 400, 'Hello.'),
      event(id, 'call.ended', end, ended),
      event(id, 'call.recorded', { url: 'https://example.com/1.wav' }),
    ];
    expect(await statuses(events)).toEqual(events.map(() => 'accepted'));
    const types = ['call.queued', 'call.dialing', 'call.ringing', 'call.started', 'call.ended', 'call.recorded'];
    expect(await timeline(id)).toEqual(types);
    expect(await read(id)).toMatchObject({
      status: 'completed',
      disconnectionReason: 'user_hangup',
      duration: 12,
      startedAt: started.time,
      endedAt: ended.time,
      recording: 'https://example.com/1.wav',
      transcript: 'Agent: Hello.',
      outcome: { sipCode: 200, responsible: 'customer', retryable: false, detail: 'BYE' },
    });
  });

  it('200 a call that ends before an answer has failed, with the reason', async () => {
    const id = await dialingCall();
    expect(await statuses(event(id, 'call.ended', { disconnectionReason: 'dial_busy', sipCode: 486 }))).toEqual([
      'accepted',
    ]);
    expect(await read(id)).toMatchObject({
      status: 'failed',
      disconnectionReason: 'dial_busy',
      duration: 0,
      startedAt: null,
      outcome: { sipCode: 486, responsible: 'customer', retryable: true, detail: null },
    });
  });

  it('200 a late, early or repeated event is ignored and changes nothing', async () => {
    const queued = await app.createCall(tenant);
    const early = [event(queued, 'call.ringing'), event(queued, 'call.started')];
    expect(await statuses(early)).toEqual(['ignored', 'ignored']);
    expect(await read(queued)).toMatchObject({ status: 'queued', startedAt: null });

    const id = await dialingCall();
    const ended = event(id, 'call.ended', { disconnectionReason: 'agent_hangup' });
    expect(await statuses([event(id, 'call.started'), ended])).toEqual(['accepted', 'accepted']);
    const [before, events] = [await read(id), await timeline(id)];
    const late = [
      event(id, 'call.ringing'),
      event(id, 'call.started'),
      event(id, 'call.ended', { disconnectionReason: 'dial_no_answer' }),
    ];
    expect(await statuses(late)).toEqual(['ignored', 'ignored', 'ignored']);
    expect([await read(id), await timeline(id)]).toEqual([before, events]);
  });

  it('200 the same source and id counts once; another source with that id is another event', async () => {
    const id = await dialingCall();
    const said = turn(id, 100);
    const ringing = event(id, 'call.ringing');
    expect(await statuses([said, ringing, said])).toEqual(['accepted', 'accepted', 'duplicate']);
    expect(await statuses([ringing, { ...turn(id, 200), id: said.id, source: '/other' }])).toEqual([
      'duplicate',
      'accepted',
    ]);
    expect(await read(`${id}/transcript`)).toHaveLength(2);
  });

  it('200 accepts one of many concurrent copies of an event', async () => {
    const id = await dialingCall();
    const ended = event(id, 'call.ended', { disconnectionReason: 'agent_hangup' });
    for (const sent of [turn(id, 1), event(id, 'call.started'), ended]) {
      const answers = (await Promise.all(Array.from({ length: 12 }, () => statuses(sent)))).flat();
      expect(answers.filter((status) => status === 'accepted')).toHaveLength(1);
      expect(answers.filter((status) => status === 'rejected')).toEqual([]);
      expect(await statuses(sent)).toEqual(['duplicate']);
    }
    expect(await timeline(id)).toEqual(['call.queued', 'call.dialing', 'call.started', 'call.ended']);
    expect(await read(`${id}/transcript`)).toHaveLength(1);
  });

  it('200 rejects an event after too many conflicts, and a retry succeeds', async () => {
    const id = await dialingCall();
    let open = Array.from({ length: 25 }, (_, n) => event(id, 'call.recorded', { url: `https://example.com/${n}` }));
    const urls = open.map(({ data }) => (data as { url: string }).url);
    while (open.length > 0) {
      const answers = await Promise.all(open.map(async (sent) => ({ sent, receipt: (await receipts(sent))[0] })));
      const again = answers.filter(({ receipt }) => receipt.status === 'rejected');
      for (const { receipt } of again) expect(receipt.problem).toMatch(/retry/);
      expect(answers.some(({ receipt }) => receipt.status === 'accepted')).toBe(true);
      open = again.map(({ sent }) => sent);
    }
    const recorded = (await read(`${id}/events`)).flatMap(({ data }: Json) => data.url ?? []);
    expect(recorded.sort()).toEqual(urls.sort());
  });

  it('200 rejects a bad event with its problem and accepts the others', async () => {
    const id = await dialingCall();
    const events = [
      turn(id, 1),
      event(id, 'call.turn', { speaker: 'robot', text: 'Hello', startMs: 0, endMs: 1 }),
      'what',
      event(id, 'call.ended', { disconnectionReason: 'tired' }),
      event(id, 'call.started', {}, { time: '9999-12-31T23:59:59Z' }),
      turn(id, 2, 'a\0b'),
      turn(id, 3, 'a\ud800b'),
      event(id, 'call.turn', { 'a\0': 1 }),
      event(id, 'call.nothing'),
      turn(id, 4),
    ];
    const answers = await receipts(events);
    expect(answers.map(({ status, problem }) => [status, problem])).toEqual([
      ['accepted', null],
      ['rejected', 'data.speaker must be agent or customer'],
      ['rejected', 'must be a JSON object'],
      ['rejected', expect.stringMatching(/^data\.disconnectionReason must be one of /)],
      ['rejected', 'time must not be in the future, nor more than a year ago'],
      ['rejected', 'data.text contains text that has a NUL character'],
      ['rejected', 'data.text contains text that is not well-formed Unicode (an unpaired surrogate)'],
      ['rejected', 'data has a field name that has a NUL character'],
      ['rejected', expect.stringMatching(/^type must be one of /)],
      ['accepted', null],
    ]);
    expect(answers.map(({ id: name }) => name)).toEqual(events.map((sent) => (sent as { id?: string }).id ?? null));
    expect(await read(`${id}/transcript`)).toHaveLength(2);
  });

  it('200 accepts a corrected event under the id of a rejected one', async () => {
    const id = await dialingCall();
    const bad = turn(id, 1, '');
    expect(await statuses(bad)).toEqual(['rejected']);
    expect(await statuses({ ...bad, data: { ...bad.data, text: 'Hello' } })).toEqual(['accepted']);
  });

  it("200 rejects an event of another organization's or environment's call like one of a missing call", async () => {
    const id = await dialingCall();
    const strangers = [(await app.tenant()).key, await app.key(tenant.organizationId, { environment: 'live' })];
    const missing = { status: 'rejected', problem: 'subject: call not found' };
    for (const key of strangers)
      expect(await receipts([event(id, 'call.started'), turn(id, 1)], key)).toMatchObject([missing, missing]);
    const nowhere = [event('x', 'call.started'), event('01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10', 'call.started')];
    expect(await receipts(nowhere)).toMatchObject([missing, missing]);
    expect(await timeline(id)).toEqual(['call.queued', 'call.dialing']);
    expect(await read(`${id}/transcript`)).toEqual([]);
  });

  it('200 for plain JSON, and for an empty batch', async () => {
    const id = await dialingCall();
    expect((await post(turn(id, 1), tenant.key, 'application/json')).body.data).toMatchObject([{ status: 'accepted' }]);
    expect(await receipts([])).toEqual([]);
  });

  it('400 for more than 500 events, without any effect', async () => {
    const id = await dialingCall();
    const many = [turn(id, 1), ...Array.from({ length: 500 }, () => ({}))];
    const { status, body } = await post(many);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code: 'bad_request', message: expect.stringContaining('up to 500') });
    expect(await read(`${id}/transcript`)).toEqual([]);
    expect(await statuses(many.slice(0, 500))).toEqual(['accepted', ...Array.from({ length: 499 }, () => 'rejected')]);
  });

  it('403 without the scope', async () => {
    const key = await app.key(tenant.organizationId, { scopes: ['calls:write', 'calls:read'] });
    const { status, body } = await post(turn(await dialingCall(), 1), key);
    expect(status).toBe(403);
    expect(body.error).toMatchObject({
      code: 'insufficient_scope',
      message: 'API key does not have the required scope: events:write',
    });
  });

  it.each(['text/plain', 'application/cloudevents+xml', 'application/x-www-form-urlencoded', 'application/jsonp'])(
    '415 for %s',
    async (type) => {
      const { status, body } = await post(turn(await dialingCall(), 1), tenant.key, type);
      expect(status).toBe(415);
      expect(body.error.code).toBe('unsupported_media_type');
    },
  );
});
