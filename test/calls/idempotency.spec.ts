import { randomUUID } from 'node:crypto';
import { Idempotency } from '../../src/calls/idempotency.js';
import { type Answer, TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/process.js';

describe('Idempotency-Key on POST /v1/calls', () => {
  let db: TestDatabase;
  let app: TestApp;
  let secondApp: TestApp;
  let tenant: Tenant;

  beforeAll(async () => {
    db = await openTestDatabase();
    app = await TestApp.start(db.url);
    secondApp = await TestApp.start(db.url);
    tenant = await app.tenant();
  });

  afterAll(async () => {
    await secondApp.close();
    await app.close();
    await db.close();
  });

  const valid = (fields: object = {}) => ({
    agentId: tenant.agentId,
    toNumber: '+1234567890',
    fromNumber: tenant.fromNumber,
    ...fields,
  });
  const post = (
    idempotencyKey: string,
    body: unknown = valid(),
    { key, on = app }: { key?: string; on?: TestApp } = {},
  ) =>
    on.request('POST', '/v1/calls', {
      key: key ?? tenant.key,
      body,
      headers: { 'idempotency-key': idempotencyKey },
    });
  const isReplay = ({ headers }: Answer) => headers.get('idempotent-replayed') === 'true';
  const countCalls = async (metadata: object) => {
    const [row] = await db.database.query<{ calls: number }>(
      'select count(*)::int as calls from calls where metadata = $1',
      [metadata],
    );
    return row?.calls;
  };
  const setAge = (key: string, age: string) =>
    db.database.query('update idempotency_keys set created_at = now() - $2::interval where key = $1', [key, age]);

  /** Resolves when this number of statements wait for a lock. */
  const waitingForLock = (count: number) =>
    eventually(`${count} waiting`, async () => {
      const rows = await db.database.query(
        `select 1 from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and backend_type = 'client backend'`,
      );
      return rows.length >= count ? true : undefined;
    });

  /** Sends concurrent copies of a request, to the applications in turn. */
  async function race(on: TestApp[], key: string = randomUUID()) {
    const metadata = { race: key };
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => post(key, valid({ metadata }), { on: on[n % on.length] as TestApp })),
    );
    return { key, metadata, answers };
  }

  /** One call, and each reply has its id or a conflict. */
  async function expectOneCall({ metadata, answers }: Awaited<ReturnType<typeof race>>): Promise<void> {
    const created = answers.filter(({ status }) => status === 201);
    expect(created.filter((answer) => !isReplay(answer))).toHaveLength(1);
    expect(new Set(created.map(({ text }) => text)).size).toBe(1);
    const others = answers.filter(({ status }) => status !== 201);
    for (const { status, body } of others) expect([status, body.error.code]).toEqual([409, 'conflict']);
    expect(await countCalls(metadata)).toBe(1);
  }

  it('201 is replayed byte for byte, request id included', async () => {
    const key = randomUUID();
    const first = await post(key);
    const again = await post(key);
    expect([first.status, isReplay(first)]).toEqual([201, false]);
    expect([again.status, isReplay(again)]).toEqual([201, true]);
    expect(again.text).toBe(first.text);
    expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect(first.body.requestId).toBe(first.headers.get('x-request-id'));
  });

  it('201 is replayed for other white space in the JSON, and by another process', async () => {
    const key = randomUUID();
    const first = await post(key);
    const again = await post(key, JSON.stringify(valid(), null, 4), { on: secondApp });
    expect([again.status, isReplay(again), again.text]).toEqual([201, true, first.text]);
  });

  it('201 is replayed to each of many concurrent requests after it', async () => {
    const { key, metadata } = await race([app]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(key, valid({ metadata }))));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 201));
    expect(answers.every(isReplay)).toBe(true);
  });

  it('201 without a key is never a replay', async () => {
    expect(await app.createCall(tenant)).not.toBe(await app.createCall(tenant));
  });

  it('201 for one of fifty racing duplicates, and one call', async () => {
    await expectOneCall(await race([app]));
  });

  it('201 for one of fifty racing duplicates over two processes, and one call', async () => {
    await expectOneCall(await race([app, secondApp]));
  });

  it('409 while the first is running, 422 for another body, and another process waits its turn', async () => {
    const key = randomUUID();
    const running: Promise<Answer>[] = [];
    await db.database.transaction(async (client) => {
      await client.query('lock table calls in share mode');
      running.push(post(key));
      await waitingForLock(1);
      const again = await post(key);
      expect([again.status, again.body.error.code]).toEqual([409, 'conflict']);
      expect((await post(key, valid({ customerName: 'Jane Doe' }))).status).toBe(422);
      running.push(post(key, valid(), { on: secondApp }));
      await waitingForLock(2);
    });
    // Either of them may get the lock first.
    const answers = await Promise.all(running);
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect(answers.map(isReplay).sort()).toEqual([false, true]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  });

  it('422 with another body, and no call', async () => {
    const key = randomUUID();
    await post(key);
    const metadata = { mismatch: key };
    for (const on of [app, secondApp]) {
      const { status, body } = await post(key, valid({ metadata }), { on });
      expect(status).toBe(422);
      expect(body.error).toMatchObject({ code: 'idempotency_mismatch', details: null });
    }
    expect(await countCalls(metadata)).toBe(0);
  });

  it('201 for every organization and environment that uses the same key', async () => {
    const key = randomUUID();
    const stranger = await app.tenant();
    const liveKey = await app.key(tenant.organizationId, { environment: 'live' });
    const otherTestKey = await app.key(tenant.organizationId);
    const theirs = { agentId: stranger.agentId, toNumber: '+1234567890', fromNumber: stranger.fromNumber };
    const answers = [
      await post(key),
      await post(key, valid(), { key: liveKey }),
      await post(key, theirs, { key: stranger.key }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(answers.map(isReplay)).toEqual([false, false, false]);
    expect(isReplay(await post(key, valid(), { key: otherTestKey }))).toBe(true);
  });

  describe('a refusal is not kept, and the key is good for the request put right', () => {
    it.each([
      ['400', () => ({ body: valid({ toNumber: 'x' }) })],
      ['400 malformed', () => ({ body: '{' })],
      ['404', () => ({ body: valid({ agentId: randomUUID() }) })],
      ['403 forbidden', () => ({ body: valid({ fromNumber: '+14155550197' }) })],
      ['401', () => ({ key: 'rpl_test_x' })],
      [
        '403 insufficient_scope',
        async () => ({ key: await app.key(tenant.organizationId, { scopes: ['calls:read'] }) }),
      ],
      ['429', async () => ({ key: await usedUpKey() })],
    ])('%s', async (refusal, mistake) => {
      const { body = valid(), key } = (await mistake()) as { body?: unknown; key?: string };
      const idempotencyKey = randomUUID();
      const refused = await post(idempotencyKey, body, key === undefined ? {} : { key });
      expect(refused.status).toBe(Number(refusal.slice(0, 3)));
      const answer = await post(idempotencyKey);
      expect([answer.status, isReplay(answer)]).toEqual([201, false]);
    });

    async function usedUpKey(): Promise<string> {
      const key = await app.key(tenant.organizationId, { rateLimitPerMinute: 1 });
      await app.request('GET', '/v1/calls', { key });
      return key;
    }
  });

  it('500 of the database leaves neither a call nor a used key', async () => {
    const key = randomUUID();
    const metadata = { refusedBy: key };
    await db.database.query(`alter table call_count_deltas add constraint refuse_all check (false) not valid`);
    const failed = await post(key, valid({ metadata })).finally(() =>
      db.database.query('alter table call_count_deltas drop constraint refuse_all'),
    );
    expect(failed.status).toBe(500);
    expect(await countCalls(metadata)).toBe(0);
    const answer = await post(key, valid({ metadata }));
    expect([answer.status, isReplay(answer)]).toEqual([201, false]);
    expect(await countCalls(metadata)).toBe(1);
  });

  it('201 is replayed for 24 hours', async () => {
    const key = randomUUID();
    await post(key);
    await setAge(key, '23 hours 59 minutes');
    expect(isReplay(await post(key))).toBe(true);
  });

  it('201 anew after 24 hours, for another body too, and that is then replayed', async () => {
    const key = randomUUID();
    const first = await post(key);
    await setAge(key, '24 hours 1 second');
    const body = valid({ customerName: 'Jane Doe' });
    const second = await post(key, body);
    expect([second.status, isReplay(second)]).toEqual([201, false]);
    expect(second.body.data.id).not.toBe(first.body.data.id);
    expect((await post(key, body)).text).toBe(second.text);
  });

  it('201 for one of fifty racing duplicates with a key that is a day old', async () => {
    const { key } = await race([app]);
    // The call of the first race is not to be counted again.
    await db.database.query(`update calls set metadata = null where metadata ->> 'race' = $1`, [key]);
    await setAge(key, '25 hours');
    await expectOneCall(await race([app, secondApp], key));
  });

  it('201 is replayed after agent and number are gone', async () => {
    const agent = (await app.request('POST', '/v1/agents', { key: tenant.key, body: { agentName: 'Passing' } })).body
      .data;
    const phoneNumber = '+14155550196';
    const number = (await app.request('POST', '/v1/phone-numbers', { key: tenant.key, body: { phoneNumber } })).body
      .data;
    const key = randomUUID();
    const body = valid({ agentId: agent.id, fromNumber: phoneNumber });
    const first = await post(key, body);
    await app.request('DELETE', `/v1/agents/${agent.id}`, { key: tenant.key });
    await app.request('DELETE', `/v1/phone-numbers/${number.id}`, { key: tenant.key });
    const again = await post(key, body);
    expect([again.status, isReplay(again), again.text]).toEqual([201, true, first.text]);
  });

  it.each([
    ['one character', '~'],
    ['a space within', 'a b'],
    ['quotes', '"quoted"'],
    ['255 characters', 'x'.repeat(255)],
  ])('201 with a key of %s', async (_shape, key) => {
    expect((await post(key)).status).toBe(201);
  });

  it.each([
    ['nothing', ''],
    ['a space, which HTTP trims', ' '],
    ['256 characters', 'x'.repeat(256)],
    ['other letters than ASCII', 'é'],
    ['a tab within', 'a\tb'],
  ])('400 for a key of %s', async (_shape, key) => {
    const { status, body } = await post(key);
    expect(status).toBe(400);
    expect(body.error.code).toBe('validation_error');
    expect(Object.keys(body.error.details)).toEqual(['Idempotency-Key']);
  });

  it('purge forgets keys older than a day and no others', async () => {
    const [old, young] = [randomUUID(), randomUUID()];
    await post(old);
    await post(young);
    await setAge(old, '25 hours');
    await new Idempotency(db.database).purge();
    const left = await db.database.query<{ key: string }>('select key from idempotency_keys where key = any($1)', [
      [old, young],
    ]);
    expect(left).toEqual([{ key: young }]);
  });
});
