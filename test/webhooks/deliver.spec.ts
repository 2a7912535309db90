import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { TAKE } from '../../src/webhooks/delivery-jobs.js';
import { eventually } from '../support/process.js';
import { WebhookHarness } from './webhooks-harness.js';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe('webhooks', () => {
  let harness: WebhookHarness;

  beforeAll(async () => {
    harness = await WebhookHarness.open();
  });
  afterEach(() => harness.clear());
  afterAll(() => harness.close());

  it('tell the end of a call as the contract has it, and sign it twice', async () => {
    const { id: webhookId, secret } = await harness.add();
    const callId = await harness.over();
    await harness.tell();
    await harness.settled();
    expect(harness.receiver.asked).toHaveLength(1);
    const { method, path, headers, body } = harness.receiver.asked[0]!;
    const [delivery] = await harness.deliveries(webhookId);
    expect([method, path]).toEqual(['POST', '/hook']);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'x-replicer-event': 'call.ended',
      'x-replicer-delivery-id': delivery.id,
      'x-replicer-timestamp': expect.stringMatching(/^\d{10}$/),
      'x-replicer-signature': createHmac('sha256', secret).update(body).digest('hex'),
      'webhook-id': delivery.id,
      'webhook-timestamp': headers['x-replicer-timestamp'],
    });
    expect(new Webhook(secret).verify(body.toString(), headers as Record<string, string>)).toEqual({
      id: delivery.id,
      event: 'call.ended',
      timestamp: TIME,
      environment: 'test',
      replayOf: null,
      eventId: `${callId}.4`,
      sequence: 4,
      data: {
        callId,
        organizationId: harness.tenant.organizationId,
        agentId: harness.tenant.agentId,
        agentName: 'Test agent',
        campaignId: null,
        customerName: 'John',
        customerPhone: '+1234567890',
        fromNumber: harness.tenant.fromNumber,
        direction: 'OUTBOUND',
        status: 'completed',
        duration: 60,
        disconnectionReason: 'agent_hangup',
        outcome: expect.objectContaining({ responsible: 'agent' }),
        sentiment: null,
        summary: null,
        transcript: null,
        callSuccessful: null,
        analysis: null,
        tokenCost: null,
        costs: null,
        startedAt: TIME,
        endedAt: TIME,
        metadata: { order: 7 },
        details: expect.objectContaining({ status: 'completed', disconnectionReason: 'agent_hangup' }),
      },
    });
    expect(delivery).toMatchObject({ status: 'delivered', attempts: 1, event: 'call.ended', callId, sequence: 4 });
  });

  describe('there is exactly one delivery for each event and endpoint', () => {
    it('however often the feed tells it, and however many tell it at once', async () => {
      const webhook = await harness.add({ events: ['call.queued', 'call.started', 'call.ended'] });
      await harness.over();
      const events = await harness.db.database.query<{ callId: string; version: number; type: string }>(
        'select stream_id as "callId", version, type from call_events order by position desc limit 4',
      );
      const toTell = events.map((event) => ({ ...event, waitMs: 0 }));
      const added = await Promise.all(Array.from({ length: 5 }, () => harness.jobs.add(toTell)));
      expect(added.reduce((sum, count) => sum + count)).toBe(3);
      expect(await harness.jobs.add(toTell)).toBe(0);
      expect((await harness.deliveries(webhook.id)).map(({ event }) => event).toSorted()).toEqual([
        ...['call.ended', 'call.queued', 'call.started'],
      ]);
    });

    it('and each endpoint has its own, with its own id', async () => {
      const webhooks = [await harness.add(), await harness.add({ events: ['call.ended', 'call.started'] })];
      await harness.over();
      await harness.tell();
      await harness.settled();
      expect(
        harness
          .received()
          .map(({ event }) => event)
          .toSorted(),
      ).toEqual(['call.ended', 'call.ended', 'call.started']);
      expect(new Set(harness.received().map(({ id }) => id)).size).toBe(3);
      for (const { id } of webhooks)
        expect((await harness.deliveries(id)).every(({ status }) => status === 'delivered')).toBe(true);
    });

    it('but not for what happened before the endpoint was there', async () => {
      await harness.over();
      const { id } = await harness.add();
      await harness.tell();
      expect(await harness.deliveries(id)).toEqual([]);
    });

    it('nor for calls of other organizations, or of the other environment', async () => {
      const { organizationId } = harness.tenant;
      const live = await harness.app.key(organizationId, { environment: 'live' });
      const stranger = await harness.app.tenant();
      await harness.add({ url: `${harness.receiver.url}/live` }, live);
      await harness.add({ url: `${harness.receiver.url}/stranger` }, stranger.key);
      await harness.over();
      await harness.tell();
      await harness.settled();
      expect(harness.receiver.asked).toEqual([]);
      await harness.over({ ...harness.tenant, key: live });
      await harness.over(stranger);
      await harness.tell();
      await harness.settled();
      expect(harness.receiver.asked.map(({ path }) => path).toSorted()).toEqual(['/live', '/stranger']);
      expect(
        harness
          .received()
          .map(({ environment }) => environment)
          .toSorted(),
      ).toEqual(['live', 'test']);
    });
  });

  it('number what happens in a call, whatever order it comes in', async () => {
    await harness.add({ events: ['call.queued', 'call.dialing', 'call.started', 'call.ended'] });
    await harness.over();
    await harness.tell();
    await harness.settled();
    const inOrder = harness.received().toSorted((a, b) => a.sequence - b.sequence);
    expect(inOrder.map(({ event, sequence }) => [sequence, event])).toEqual([
      [1, 'call.queued'],
      [2, 'call.dialing'],
      [3, 'call.started'],
      [4, 'call.ended'],
    ]);
    expect(inOrder.map(({ timestamp }) => timestamp)).toEqual(inOrder.map(({ timestamp }) => timestamp).toSorted());
  });

  describe('an attempt that fails', () => {
    it('is followed by others at the times of the contract, with the same id and bytes, until it has failed', async () => {
      const { id, secret } = await harness.add();
      harness.receiver.answer = (_, response) => response.writeHead(500).end('down');
      await harness.over();
      await harness.tell();
      const deliverer = harness.deliverer({ retryMs: [5_000, 30_000, 120_000, 600_000, 1_800_000] });
      for (const [index, seconds] of [5, 30, 120, 600, 1_800, null].entries()) {
        await harness.settled(deliverer);
        const [{ id: deliveryId }] = await harness.deliveries(id);
        const { status, attempts, nextAttemptAt, log } = await harness.delivery(id, deliveryId);
        expect([status, attempts]).toEqual([seconds === null ? 'failed' : 'pending', index + 1]);
        if (seconds === null) expect(nextAttemptAt).toBeNull();
        else {
          // Counted from the end of the attempt, which lies between its beginning and now.
          expect(Date.parse(nextAttemptAt)).toBeGreaterThanOrEqual(Date.parse(log[index].at) + seconds * 1000);
          expect(Date.parse(nextAttemptAt)).toBeLessThanOrEqual(Date.now() + seconds * 1000);
        }
        await harness.passTime();
      }
      const sent = harness.receiver.asked;
      expect(sent).toHaveLength(6);
      expect(new Set(sent.map(({ body }) => body.toString())).size).toBe(1);
      expect(new Set(sent.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
      for (const { body, headers } of sent) new Webhook(secret).verify(body.toString(), headers as never);
    });

    it('is the end of it when the next one succeeds', async () => {
      const { id } = await harness.add();
      harness.receiver.answer = (_, response) =>
        response.writeHead(harness.receiver.asked.length < 3 ? 503 : 202).end('seen');
      await harness.over();
      await harness.tell();
      await harness.settled();
      const [delivery] = await harness.deliveries(id);
      expect(delivery).toMatchObject({ status: 'delivered', attempts: 3, nextAttemptAt: null, finishedAt: TIME });
      const { log } = await harness.delivery(id, delivery.id);
      expect(log.map((each: any) => [each.attempt, each.status])).toEqual([
        [1, 503],
        [2, 503],
        [3, 202],
      ]);
    });

    it('tells the same bytes later, although more is known of the call by then', async () => {
      await harness.add();
      harness.receiver.answer = (_, response) =>
        response.writeHead(harness.receiver.asked.length < 2 ? 500 : 200).end();
      const callId = await harness.over();
      await harness.tell();
      const deliverer = harness.deliverer({ retryMs: [60_000] });
      await harness.settled(deliverer);
      await analyze(callId);
      await harness.passTime();
      await harness.settled(deliverer);
      const [first, second] = harness.receiver.asked.map(({ body }) => body.toString());
      expect(second).toBe(first);
    });

    it('for want of time says so', async () => {
      const { id } = await harness.add();
      harness.receiver.answer = () => undefined;
      await harness.over();
      await harness.tell();
      await harness.settled(harness.deliverer({ timeoutMs: 100, retryMs: [] }));
      const [{ id: deliveryId }] = await harness.deliveries(id);
      expect((await harness.delivery(id, deliveryId)).log).toMatchObject([
        { status: null, error: 'No answer within 0.1 seconds', responseBody: null },
      ]);
    });

    it('does not lead elsewhere: redirects are not followed', async () => {
      const { id } = await harness.add();
      harness.receiver.answer = ({ path }, response) =>
        path === '/hook' ? response.writeHead(307, { location: '/other' }).end() : response.end();
      await harness.over();
      await harness.tell();
      await harness.settled(harness.deliverer({ retryMs: [] }));
      expect(harness.receiver.asked.map(({ path }) => path)).toEqual(['/hook']);
      const [{ id: deliveryId, status }] = await harness.deliveries(id);
      expect(status).toBe('failed');
      expect((await harness.delivery(id, deliveryId)).log).toMatchObject([
        { status: 307, error: 'Redirects are not followed' },
      ]);
    });

    it('to an address that has become private makes no connection', async () => {
      const { id } = await harness.add();
      await harness.db.database.query('update webhook_endpoints set url = $1', [
        harness.receiver.url.replace('127.0.0.1', '[::1]'),
      ]);
      await harness.over();
      await harness.tell();
      await harness.settled(harness.deliverer({ retryMs: [] }));
      const [{ id: deliveryId }] = await harness.deliveries(id);
      const { log } = await harness.delivery(id, deliveryId);
      expect(log).toMatchObject([{ status: null, error: expect.stringContaining('not a public address') }]);
    });
  });

  it('keep the first 4096 bytes of an answer, and what PostgreSQL cannot store as something else', async () => {
    const { id } = await harness.add();
    harness.receiver.answer = (_, response) => response.end(`\0${'x'.repeat(10_000)}`);
    await harness.over();
    await harness.tell();
    await harness.settled();
    const [{ id: deliveryId, status }] = await harness.deliveries(id);
    expect(status).toBe('delivered');
    const { log } = await harness.delivery(id, deliveryId);
    expect(log[0].responseBody).toBe(`\ufffd${'x'.repeat(4095)}`);
  });

  describe('an endpoint is switched off', () => {
    it('when it answers 410, and the others are told', async () => {
      const gone = await harness.add({ url: `${harness.receiver.url}/gone` });
      await harness.add({ url: `${harness.receiver.url}/watch`, events: ['webhook.disabled'] });
      const live = await harness.app.key(harness.tenant.organizationId, { environment: 'live' });
      await harness.add({ url: `${harness.receiver.url}/live`, events: ['webhook.disabled'] }, live);
      harness.receiver.answer = ({ path }, response) => response.writeHead(path === '/gone' ? 410 : 200).end();
      await harness.over();
      await harness.tell();
      await harness.settled();
      expect(harness.receiver.asked.map(({ path }) => path)).toEqual(['/gone', '/watch']);
      const { body } = await harness.ask('GET', `/${gone.id}`);
      expect(body.data).toMatchObject({ isActive: false, disabledReason: 'gone', disabledAt: TIME });
      expect(harness.received()[1]).toMatchObject({
        ...{ event: 'webhook.disabled', timestamp: body.data.disabledAt, environment: 'test', sequence: null },
        data: { webhookId: gone.id, url: gone.url, reason: 'gone', disabledAt: body.data.disabledAt },
      });
      expect(await harness.deliveries(gone.id)).toMatchObject([{ status: 'failed', attempts: 1 }]);
    });

    it('when nothing has succeeded for 5 days, not before', async () => {
      const { id } = await harness.add();
      harness.receiver.answer = (_, response) => response.writeHead(500).end();
      const failAgain = async (days: number) => {
        await harness.db.database.query(
          'update webhook_endpoints set failing_since = now() - make_interval(secs => $1)',
          [days * 86_400],
        );
        await harness.over();
        await harness.tell();
        await harness.settled(harness.deliverer({ retryMs: [] }));
        return (await harness.ask('GET', `/${id}`)).body.data;
      };
      expect(await failAgain(4.9)).toMatchObject({ isActive: true, failingSince: TIME, disabledReason: null });
      expect(await failAgain(5.1)).toMatchObject({ isActive: false, disabledReason: 'failing' });
    });

    it('not when it has succeeded in between', async () => {
      const { id } = await harness.add();
      await harness.db.database.query(`update webhook_endpoints set failing_since = now() - interval '6 days'`);
      await harness.over();
      await harness.tell();
      await harness.settled();
      expect((await harness.ask('GET', `/${id}`)).body.data).toMatchObject({ isActive: true, failingSince: null });
    });

    it('not when it has succeeded while an attempt was under way that failed', async () => {
      const { id } = await harness.add();
      await harness.db.database.query(`update webhook_endpoints set failing_since = now() - interval '6 days'`);
      harness.receiver.answer = (_, response) => {
        void harness.db.database
          .query('update webhook_endpoints set failing_since = null')
          .then(() => response.writeHead(500).end());
      };
      await harness.over();
      await harness.tell();
      await harness.settled(harness.deliverer({ retryMs: [] }));
      expect((await harness.ask('GET', `/${id}`)).body.data).toMatchObject({ isActive: true, disabledReason: null });
    });

    it('and is as good as new when it is switched on again', async () => {
      const { id } = await harness.add();
      harness.receiver.answer = (_, response) => response.writeHead(410).end();
      await harness.over();
      await harness.tell();
      await harness.settled();
      const { body } = await harness.ask('PATCH', `/${id}`, { isActive: true });
      expect(body.data).toMatchObject({ isActive: true, disabledReason: null, disabledAt: null, failingSince: null });
    });
  });

  it('note what happens while an endpoint is off, and send nothing', async () => {
    const { id } = await harness.add({ isActive: false });
    await harness.over();
    await harness.tell();
    await harness.settled();
    expect(harness.receiver.asked).toEqual([]);
    expect(await harness.deliveries(id)).toMatchObject([{ status: 'skipped', attempts: 0, event: 'call.ended' }]);
  });

  it('wait while an endpoint is switched off, and are sent when it is on again', async () => {
    const { id } = await harness.add();
    await harness.over();
    await harness.tell();
    await harness.ask('PATCH', `/${id}`, { isActive: false });
    await harness.settled();
    expect(harness.receiver.asked).toEqual([]);
    await harness.ask('PATCH', `/${id}`, { isActive: true });
    await harness.settled();
    expect(harness.receiver.asked).toHaveLength(1);
  });

  it('of events that were erased meanwhile have failed; nobody is asked', async () => {
    const { id } = await harness.add();
    await harness.over();
    await harness.tell();
    await harness.db.database.transaction(async (client) => {
      await client.query(`set local outdial.erase_reason = 'test'`);
      await client.query('delete from call_events where stream_id = (select max(id::text)::uuid from calls)');
    });
    await harness.settled();
    expect(harness.receiver.asked).toEqual([]);
    const [{ id: deliveryId, status }] = await harness.deliveries(id);
    expect(status).toBe('failed');
    expect((await harness.delivery(id, deliveryId)).log).toMatchObject([
      { error: 'What happened is not known any more' },
    ]);
    expect((await harness.ask('GET', `/${id}`)).body.data.failingSince).toBeNull();
  });

  describe('the end of a call waits for its analysis', () => {
    it('until it has come, and has it then', async () => {
      const { id } = await harness.add({ events: ['call.ended', 'call.analyzed'] });
      const callId = await harness.over();
      await toBeAssessed(callId);
      await harness.tell(60_000);
      await harness.jobs.release();
      await harness.settled();
      expect(harness.receiver.asked).toEqual([]);
      await analyze(callId);
      await assessed(callId);
      await harness.tell(60_000);
      expect(await harness.jobs.release()).toBe(1);
      await harness.settled();
      const [ended, analyzed] = harness.received().toSorted((a, b) => a.sequence - b.sequence);
      expect(ended).toMatchObject({ event: 'call.ended', data: { summary: 'Said hello.', sentiment: 'neutral' } });
      expect(analyzed).toMatchObject({
        event: 'call.analyzed',
        data: { summary: 'Said hello.', callSuccessful: true },
      });
      expect((await harness.deliveries(id)).map(({ status }) => status)).toEqual(['delivered', 'delivered']);
    });

    it('but not longer than is set; it comes with call.analyzed then', async () => {
      await harness.add({ events: ['call.ended', 'call.analyzed'] });
      const callId = await harness.over();
      await toBeAssessed(callId);
      await harness.tell(60_000);
      await harness.passTime();
      await harness.settled();
      expect(harness.received()).toMatchObject([{ event: 'call.ended', data: { summary: null } }]);
      await analyze(callId);
      await harness.tell(60_000);
      await harness.settled();
      expect(harness.received()[1]).toMatchObject({ event: 'call.analyzed', data: { summary: 'Said hello.' } });
    });

    it('not when nobody answered', async () => {
      await harness.add();
      await harness.over(harness.tenant, 'failed');
      await harness.tell(60_000);
      await harness.settled();
      expect(harness.received()).toMatchObject([{ data: { status: 'failed', disconnectionReason: 'dial_busy' } }]);
    });

    it('while it is not known yet whether there will be one', async () => {
      await harness.add();
      await harness.over();
      await harness.tell(60_000);
      expect(await harness.jobs.release()).toBe(0);
    });
  });

  describe('workers', () => {
    it('share what is due: nothing is sent twice', async () => {
      await harness.add({ events: ['call.queued', 'call.dialing', 'call.started', 'call.ended'] });
      for (let call = 0; call < 5; call++) await harness.over();
      await harness.tell();
      await Promise.all(
        [harness.deliverer(), harness.deliverer(), harness.deliverer()].map((each) => harness.settled(each)),
      );
      expect(harness.receiver.asked).toHaveLength(20);
      expect(new Set(harness.received().map(({ id }) => id)).size).toBe(20);
    });

    it('take over from one that has died, when its lease is over and not before', async () => {
      const { id } = await harness.add();
      await harness.over();
      await harness.tell();
      const room = { all: 10, perEndpoint: 4, perFailing: 1, failingMs: 60_000 };
      // Takes it, and is heard of no more.
      expect(await harness.jobs.take(new Map(), room, 60_000)).toHaveLength(1);
      await harness.settled();
      expect(harness.receiver.asked).toEqual([]);
      await harness.passTime();
      await harness.settled();
      expect(harness.receiver.asked).toHaveLength(1);
      expect(await harness.deliveries(id)).toMatchObject([{ status: 'delivered', attempts: 1 }]);
    });

    it('that come too late with a result do not spoil that of another', async () => {
      const { id } = await harness.add();
      await harness.over();
      await harness.tell();
      const room = { all: 10, perEndpoint: 4, perFailing: 1, failingMs: 60_000 };
      const [late] = await harness.jobs.take(new Map(), room, 0);
      await harness.settled();
      const attempt = { at: new Date().toISOString(), headers: {}, status: 500, response: '', error: null, ms: 1 };
      await harness.jobs.record([{ ...attempt, id: late!.id, takes: late!.takes, verdict: 'failed', retryInMs: null }]);
      expect(await harness.deliveries(id)).toMatchObject([{ status: 'delivered', attempts: 1 }]);
    });

    it('that stop give back what they have begun', async () => {
      const { id } = await harness.add();
      const asked = new Promise<void>((resolve) => {
        harness.receiver.answer = () => {
          resolve();
        };
      });
      await harness.over();
      await harness.tell();
      const deliverer = harness.deliverer();
      await deliverer.round();
      await asked;
      await deliverer.stop();
      expect(await harness.deliveries(id)).toMatchObject([{ status: 'pending', attempts: 0 }]);
      harness.receiver.answer = (_, response) => response.end();
      await harness.settled();
      expect(await harness.deliveries(id)).toMatchObject([{ status: 'delivered', attempts: 1 }]);
    });
  });

  it('are taken by an index that is asked for the time, so that those due later cost nothing', async () => {
    const plan = await harness.db.database.transaction(async (client) => {
      await client.query('set local enable_seqscan = off; set local enable_bitmapscan = off');
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain ${TAKE.text}`, [
        ...[[], [], 10, 4, 1, 60_000, 15_000],
      ]);
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    });
    expect(plan).toMatch(/Index Cond: .*endpoint_id = .*due_at <= statement_timestamp\(\)/);
  });

  it('of an endpoint that hangs cost the others nothing', async () => {
    const dead = await harness.add({ url: `${harness.receiver.url}/dead` });
    const quick = await harness.add({ url: `${harness.receiver.url}/quick` });
    harness.receiver.answer = ({ path }, response) => (path === '/quick' ? response.end() : undefined);
    for (let call = 0; call < 10; call++) await harness.over();
    await harness.tell();
    // Room for fewer than there are for the dead one: it must not get it all.
    const deliverer = harness.deliverer({ room: { all: 6, perEndpoint: 4, perFailing: 1, failingMs: 60_000 } });
    await deliverer.round();
    await eventually('the quick one is told everything', async () => {
      await deliverer.round();
      return (await harness.deliveries(quick.id)).every(({ status }) => status === 'delivered') ? true : undefined;
    });
    expect(harness.receiver.asked.filter(({ path }) => path === '/dead')).toHaveLength(4);
    expect((await harness.deliveries(dead.id)).every(({ status }) => status === 'pending')).toBe(true);
  });

  it('sign with both secrets while one takes over', async () => {
    const { id, secret: old } = await harness.add();
    const rotated = await harness.ask('POST', `/${id}/rotate`, { overlapSeconds: 60 });
    const { secret } = rotated.body.data;
    await harness.over();
    await harness.tell();
    await harness.settled();
    const { headers, body } = harness.receiver.asked[0]!;
    for (const each of [secret, old]) new Webhook(each).verify(body.toString(), headers as never);
    expect(headers['x-replicer-signature']).toBe(createHmac('sha256', old).update(body).digest('hex'));
    await harness.db.database.query(`update webhook_endpoints set old_secret_until = now() - interval '1 s'`);
    await harness.over();
    await harness.tell();
    await harness.settled();
    const later = harness.receiver.asked[1]!;
    new Webhook(secret).verify(later.body.toString(), later.headers as never);
    expect(later.headers['x-replicer-signature']).toBe(createHmac('sha256', secret).update(later.body).digest('hex'));
    expect(() => new Webhook(old).verify(later.body.toString(), later.headers as never)).toThrow();
  });

  const toBeAssessed = async (callId: string): Promise<void> => {
    await harness.db.database.query(`insert into call_assessments (call_id, due_at) values ($1, 'infinity')`, [callId]);
    await harness.db.database.query(
      `insert into feed_checkpoints (name, transaction_id, position)
       select 'assess', transaction_id, position from call_events order by 2 desc, 3 desc limit 1
       on conflict (name) do update set transaction_id = excluded.transaction_id, position = excluded.position`,
    );
  };
  const assessed = async (callId: string): Promise<void> => {
    await harness.db.database.query('delete from call_assessments where call_id = $1', [callId]);
  };
  const analyze = async (callId: string): Promise<void> => {
    const assessment = { summary: 'Said hello.', sentiment: 'neutral', callSuccessful: true, analysis: null } as const;
    await harness.calls.execute(callId, { type: 'AnalyzeCall', at: new Date().toISOString(), assessment }, {});
  };
});
