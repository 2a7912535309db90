import { purgeDeliveries } from '../../src/webhooks/purge-deliveries.js';
import { type Answer } from '../support/app.js';
import { WebhookHarness } from './webhooks-harness.js';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const EVENTS = ['call.queued', 'call.started', 'call.ended'];

describe('deliveries', () => {
  let harness: WebhookHarness;

  beforeAll(async () => {
    harness = await WebhookHarness.open();
  });
  afterEach(() => harness.clear());
  afterAll(() => harness.close());

  const expectConflict = ({ status, body }: Answer, message: RegExp) => {
    expect([status, body.error.code]).toEqual([409, 'conflict']);
    expect(body.error.message).toMatch(message);
  };
  /** One delivery, of which all attempts so far have failed. */
  const failed = async () => {
    const webhook = await harness.add();
    harness.receiver.answer = (_, response) => response.writeHead(500).end();
    const callId = await harness.over();
    await harness.tell();
    await harness.settled(harness.deliverer({ retryMs: [] }));
    harness.receiver.answer = (_, response) => response.end();
    harness.receiver.asked.length = 0;
    const [delivery] = await harness.deliveries(webhook.id);
    return { webhook, delivery, callId };
  };

  describe('GET /v1/webhooks/{id}/deliveries', () => {
    it('200 has them newest first, by status, event and call', async () => {
      const { id } = await harness.add({ events: EVENTS });
      const [one, other] = [await harness.over(), await harness.over()];
      await harness.tell();
      await harness.settled();
      await harness.over();
      await harness.tell();
      const ask = async (query: string) => (await harness.ask('GET', `/${id}/deliveries?${query}`)).body;
      const all = await ask('limit=100');
      expect(all.pagination).toEqual({ page: 1, limit: 100, total: 9, totalPages: 1 });
      const ids = all.data.map((each: any) => each.id);
      expect(ids).toEqual(ids.toSorted().toReversed());
      expect((await ask('limit=4&page=3')).data.map((each: any) => each.id)).toEqual(ids.slice(8));
      expect((await ask('status=delivered')).pagination.total).toBe(6);
      expect((await ask('status=pending')).pagination.total).toBe(3);
      expect((await ask('status=failed')).data).toEqual([]);
      expect((await ask('event=call.started')).pagination.total).toBe(3);
      const ofCall = await ask(`callId=${one}&event=call.ended&status=delivered`);
      expect(ofCall.data).toMatchObject([{ callId: one, event: 'call.ended', sequence: 4 }]);
      expect((await ask(`callId=${other}`)).pagination.total).toBe(3);
      for (const nothing of ['nothing', '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10'])
        expect((await ask(`callId=${nothing}`)).pagination.total).toBe(0);
    });

    it.each(['status=lost', 'event=call.exploded', 'limit=0', 'page=x'])('400 for %s', async (query) => {
      const { id } = await harness.add();
      expect((await harness.ask('GET', `/${id}/deliveries?${query}`)).status).toBe(400);
    });
  });

  describe('GET /v1/webhooks/{id}/deliveries/{delivery}', () => {
    it('200 has what is sent and every attempt, with no secret', async () => {
      const { id, secret } = await harness.add();
      harness.receiver.answer = (_, response) =>
        harness.receiver.asked.length === 1 ? response.writeHead(500).end('down') : response.end('ok');
      const callId = await harness.over();
      await harness.tell();
      await harness.settled();
      const [{ id: deliveryId }] = await harness.deliveries(id);
      const { body, text } = await harness.ask('GET', `/${id}/deliveries/${deliveryId}`);
      const headers = harness.receiver.asked.map((asked) => asked.headers);
      const attempt = (n: number, status: number, responseBody: string) => ({
        ...{ attempt: n, at: TIME, status, responseBody, error: null, latencyMs: expect.any(Number) },
        requestHeaders: {
          'Content-Type': 'application/json',
          'User-Agent': headers[n - 1]!['user-agent'],
          'X-Replicer-Event': 'call.ended',
          'X-Replicer-Delivery-Id': deliveryId,
          'X-Replicer-Timestamp': headers[n - 1]!['x-replicer-timestamp'],
          'X-Replicer-Signature': headers[n - 1]!['x-replicer-signature'],
          'webhook-id': deliveryId,
          'webhook-timestamp': headers[n - 1]!['webhook-timestamp'],
          'webhook-signature': headers[n - 1]!['webhook-signature'],
        },
      });
      expect(body.data).toEqual({
        ...{ id: deliveryId, event: 'call.ended', callId, sequence: 4, status: 'delivered', attempts: 2 },
        ...{ replayOf: null, createdAt: TIME, nextAttemptAt: null, finishedAt: TIME },
        payload: harness.received()[0],
        log: [attempt(1, 500, 'down'), attempt(2, 200, 'ok')],
      });
      expect(text).not.toContain(secret.slice(6));
    });

    it('200 before the first attempt has nothing of it', async () => {
      const { id } = await harness.add();
      await harness.over();
      await harness.tell();
      const [{ id: deliveryId }] = await harness.deliveries(id);
      expect(await harness.delivery(id, deliveryId)).toMatchObject({
        ...{ status: 'pending', nextAttemptAt: TIME, finishedAt: null, payload: null, log: [] },
      });
    });
  });

  describe('POST /v1/webhooks/{id}/deliveries/{delivery}/retry', () => {
    it('200 has what failed attempted once more, under the same id', async () => {
      const { webhook, delivery } = await failed();
      const { status, body } = await harness.ask('POST', `/${webhook.id}/deliveries/${delivery.id}/retry`);
      expect([status, body.data]).toEqual([
        200,
        { ...delivery, status: 'pending', nextAttemptAt: TIME, finishedAt: null },
      ]);
      await harness.settled();
      expect(harness.received()).toMatchObject([{ id: delivery.id, replayOf: null }]);
      expect(await harness.deliveries(webhook.id)).toMatchObject([
        { id: delivery.id, status: 'delivered', attempts: 2 },
      ]);
    });

    it('200 brings forward what is due later', async () => {
      const { id } = await harness.add();
      harness.receiver.answer = (_, response) =>
        response.writeHead(harness.receiver.asked.length === 1 ? 500 : 200).end();
      await harness.over();
      await harness.tell();
      await harness.settled(harness.deliverer({ retryMs: [600_000] }));
      const [delivery] = await harness.deliveries(id);
      expect((await harness.ask('POST', `/${id}/deliveries/${delivery.id}/retry`)).status).toBe(200);
      await harness.settled();
      expect(await harness.deliveries(id)).toMatchObject([{ status: 'delivered', attempts: 2 }]);
    });

    it('200 sends what was skipped', async () => {
      const { id } = await harness.add({ isActive: false });
      await harness.over();
      await harness.tell();
      const [delivery] = await harness.deliveries(id);
      const path = `/${id}/deliveries/${delivery.id}/retry`;
      expectConflict(await harness.ask('POST', path), /PATCH isActive: true first/);
      await harness.ask('PATCH', `/${id}`, { isActive: true });
      expect((await harness.ask('POST', path)).status).toBe(200);
      await harness.settled();
      expect(await harness.deliveries(id)).toMatchObject([{ status: 'delivered', attempts: 1 }]);
    });

    it('200 while an attempt is under way makes none beside it', async () => {
      const { id } = await harness.add();
      await harness.over();
      await harness.tell();
      const room = { all: 1, perEndpoint: 1, perFailing: 1, failingMs: 60_000 };
      const [taken] = await harness.jobs.take(new Map(), room, 60_000);
      expect((await harness.ask('POST', `/${id}/deliveries/${taken!.id}/retry`)).status).toBe(200);
      await harness.settled();
      expect(harness.receiver.asked).toEqual([]);
    });

    it('409 for what has been delivered', async () => {
      const { id } = await harness.add();
      await harness.over();
      await harness.tell();
      await harness.settled();
      const [delivery] = await harness.deliveries(id);
      expectConflict(await harness.ask('POST', `/${id}/deliveries/${delivery.id}/retry`), /was delivered/);
    });
  });

  describe('POST /v1/webhooks/{id}/replay', () => {
    const PAST = '2026-01-01T00:00:00Z';
    const replay = (id: string, range: object) => harness.ask('POST', `/${id}/replay`, range);

    it('200 tells again under new ids, with the calls as they are now', async () => {
      const { webhook, delivery, callId } = await failed();
      const assessment = { summary: 'Said hello.', sentiment: null, callSuccessful: null, analysis: null };
      await harness.calls.execute(callId, { type: 'AnalyzeCall', at: new Date().toISOString(), assessment }, {});
      const { status, body } = await replay(webhook.id, { from: PAST });
      expect([status, body.data]).toEqual([200, { replayed: 1, remaining: 0 }]);
      await harness.settled();
      const [, again] = await harness.deliveries(webhook.id);
      expect(again).toMatchObject({ ...{ status: 'delivered', replayOf: delivery.id, callId, sequence: 4 } });
      const original = (await harness.delivery(webhook.id, delivery.id)).payload;
      expect(harness.received()).toEqual([
        { ...original, id: again.id, replayOf: delivery.id, data: { ...original.data, summary: 'Said hello.' } },
      ]);
      // A replay is not replayed.
      expect((await replay(webhook.id, { from: PAST })).body.data).toEqual({ replayed: 1, remaining: 0 });
    });

    it('200 only of a time, a status and an event', async () => {
      const { id } = await harness.add({ events: EVENTS });
      await harness.over();
      await harness.tell();
      await harness.settled();
      const between = new Date(Date.now() + 1).toISOString();
      await harness.db.database.query('select pg_sleep(0.01)');
      await harness.ask('PATCH', `/${id}`, { isActive: false });
      await harness.over();
      await harness.tell();
      await harness.ask('PATCH', `/${id}`, { isActive: true });
      const replayed = async (range: object) => (await replay(id, range)).body.data.replayed;
      expect(await replayed({ from: PAST })).toBe(6);
      expect(await replayed({ from: between })).toBe(3);
      expect(await replayed({ from: PAST, to: between })).toBe(3);
      expect(await replayed({ from: PAST, status: 'skipped' })).toBe(3);
      expect(await replayed({ from: PAST, status: 'skipped', event: 'call.ended' })).toBe(1);
      expect(await replayed({ from: PAST, status: 'failed' })).toBe(0);
      expect(await replayed({ from: '2099-01-01T00:00:00Z' })).toBe(0);
    });

    it('200 does not tell again what is about no call', async () => {
      const { id } = await harness.add();
      await harness.ask('POST', `/${id}/test`);
      expect((await replay(id, { from: PAST })).body.data).toEqual({ replayed: 0, remaining: 0 });
    });

    it.each([{}, { from: 'yesterday' }, { from: PAST, to: 'x' }, { from: PAST, status: 'lost' }])(
      '400 for %j',
      async (range) => {
        const { id } = await harness.add();
        expect((await replay(id, range)).status).toBe(400);
      },
    );

    it('409 while it is off', async () => {
      const { id } = await harness.add({ isActive: false });
      expectConflict(await replay(id, { from: PAST }), /not active/);
    });
  });

  describe('POST /v1/webhooks/{id}/test', () => {
    it('201 sends it something, whatever it has chosen', async () => {
      const { id } = await harness.add({ events: ['call.analyzed'] });
      const { status, body } = await harness.ask('POST', `/${id}/test`);
      expect([status, body.data]).toMatchObject([201, { event: 'webhook.test', status: 'pending', callId: null }]);
      await harness.settled();
      expect(harness.received()).toEqual([
        {
          ...{ id: body.data.id, event: 'webhook.test', timestamp: TIME, environment: 'test', replayOf: null },
          ...{ eventId: body.data.id, sequence: null },
          data: { webhookId: id, organizationId: harness.tenant.organizationId, message: 'It works' },
        },
      ]);
      expect(await harness.delivery(id, body.data.id)).toMatchObject({ status: 'delivered', log: [{ status: 200 }] });
    });

    it('409 while it is off', async () => {
      const { id } = await harness.add({ isActive: false });
      expectConflict(await harness.ask('POST', `/${id}/test`), /not active/);
    });
  });

  describe('are forgotten', () => {
    const old = (id: string) => `00000000${id.slice(8)}`;

    it('when they are finished and old, with their attempts', async () => {
      const { webhook, delivery } = await failed();
      await harness.over();
      await harness.tell();
      await harness.db.database.query(`alter table webhook_attempts drop constraint webhook_attempts_delivery_id_fkey`);
      await harness.db.database.query(`update webhook_attempts set delivery_id = $1`, [old(delivery.id)]);
      await harness.db.database.query(`update webhook_deliveries set id = $1 where id = $2`, [
        old(delivery.id),
        delivery.id,
      ]);
      await harness.db.database.query(
        `alter table webhook_attempts add foreign key (delivery_id) references webhook_deliveries (id) on delete cascade`,
      );
      await purgeDeliveries(harness.db.database, 0);
      expect(await harness.deliveries(webhook.id)).toHaveLength(2);
      await purgeDeliveries(harness.db.database, 30);
      expect(await harness.deliveries(webhook.id)).toMatchObject([{ status: 'pending' }]);
      expect(await harness.db.database.query('select from webhook_attempts')).toEqual([]);
    });

    it('never while they are still to be made', async () => {
      const { id } = await harness.add();
      await harness.over();
      await harness.tell();
      const [delivery] = await harness.deliveries(id);
      await harness.db.database.query('update webhook_deliveries set id = $1', [old(delivery.id)]);
      await purgeDeliveries(harness.db.database, 1);
      expect(await harness.deliveries(id)).toHaveLength(1);
    });
  });
});
