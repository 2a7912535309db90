import { createHash } from 'node:crypto';
import { type Answer, TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

const SETTING = 5;

describe('the rate limit', () => {
  let db: TestDatabase;
  let app: TestApp;
  let secondApp: TestApp;
  let tenant: Tenant;

  beforeAll(async () => {
    db = await openTestDatabase();
    app = await TestApp.start(db.url, { rateLimitPerMinute: SETTING });
    secondApp = await TestApp.start(db.url, { rateLimitPerMinute: SETTING });
    tenant = await app.tenant();
  });

  afterAll(async () => {
    await secondApp.close();
    await app.close();
    await db.close();
  });

  const limitedKey = (rateLimitPerMinute: number) => app.key(tenant.organizationId, { rateLimitPerMinute });
  const get = (key: string, on = app) => on.request('GET', '/v1/calls', { key });
  const getMany = (key: string, count: number, on = [app]) =>
    Promise.all(Array.from({ length: count }, (_, n) => get(key, on[n % on.length])));
  const admitted = (answers: Answer[]) => answers.filter(({ status }) => status === 200).length;
  const headersOf = ({ headers }: Answer) =>
    ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'].map((name) => headers.get(name));
  const hash = (key: string) => createHash('sha256').update(key).digest();
  /** Lets so much time pass for one key: its requests were made that much earlier. */
  const pass = (key: string, seconds: number) =>
    db.database.query(
      'update rate_windows set second = second - $2 where key_id = (select id from api_keys where hash = $1)',
      [hash(key), seconds],
    );

  it('200 and every refusal after the key is known say where the key stands', async () => {
    const key = await app.key(tenant.organizationId, { scopes: ['calls:read'], rateLimitPerMinute: 10 });
    const answers = [
      await get(key),
      await app.request('GET', '/v1/calls/x', { key }),
      await app.request('GET', '/v1/calls?page=0', { key }),
      await app.request('POST', '/v1/calls', { key }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 400, 403]);
    expect(answers.map((answer) => headersOf(answer).slice(0, 2))).toEqual([
      ['10', '9'],
      ['10', '8'],
      ['10', '7'],
      ['10', '6'],
    ]);
  });

  it('200 says in Unix seconds when the oldest request leaves the window', async () => {
    const earliest = Math.floor(Date.now() / 1000);
    const { headers } = await get(await limitedKey(10));
    const latest = Math.floor(Date.now() / 1000);
    const reset = Number(headers.get('x-ratelimit-reset'));
    expect(reset).toBeGreaterThanOrEqual(earliest + 60);
    expect(reset).toBeLessThanOrEqual(latest + 61);
  });

  it('401, 403 for an ended key and what is public say nothing about limits', async () => {
    const ended = await limitedKey(10);
    await db.database.query('update api_keys set revoked_at = now() where hash = $1', [hash(ended)]);
    const answers = [await get('rpl_test_x'), await get(ended), await app.request('GET', '/health/live')];
    expect(answers.map(({ status }) => status)).toEqual([401, 403, 200]);
    for (const answer of answers) expect(headersOf(answer)).toEqual([null, null, null]);
  });

  it('429 says how long to wait, in the words of the contract', async () => {
    const key = await limitedKey(2);
    await getMany(key, 2);
    const { status, headers, body } = await get(key);
    const seconds = headers.get('retry-after') ?? '';
    expect(status).toBe(429);
    expect(body).toEqual({
      error: {
        code: 'rate_limit_exceeded',
        message: `Rate limit exceeded. Try again in ${seconds} seconds`,
        details: null,
      },
      requestId: expect.stringMatching(/^req-/),
    });
    expect(Number(seconds)).toBeGreaterThanOrEqual(1);
    expect(Number(seconds)).toBeLessThanOrEqual(61);
    expect(headers.get('x-ratelimit-limit')).toBe('2');
    expect(headers.get('x-ratelimit-remaining')).toBe('0');
  });

  it('429 comes before the request has done anything', async () => {
    const key = await limitedKey(1);
    await get(key);
    const { agentId, fromNumber } = tenant;
    const body = { agentId, fromNumber, toNumber: '+1234567890' };
    expect((await app.request('POST', '/v1/calls', { key, body })).status).toBe(429);
    expect((await get(tenant.key)).body.pagination.total).toBe(0);
  });

  it('200 for exactly as many of racing requests as the limit says, over all processes', async () => {
    const key = await limitedKey(10);
    const answers = await getMany(key, 30, [app, secondApp]);
    expect(admitted(answers)).toBe(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(20);
    const remaining = answers.filter(({ status }) => status === 200).map((answer) => Number(headersOf(answer)[1]));
    // Each admitted request is told its own place.
    expect(remaining.sort((a, b) => b - a)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  it('200 for one key does not depend on what another one has used', async () => {
    const [busy, idle] = [await limitedKey(3), await limitedKey(3)];
    await getMany(busy, 5);
    expect(headersOf(await get(idle)).slice(0, 2)).toEqual(['3', '2']);
  });

  it('200 for as many as the setting says when the key says nothing, as many as the key says otherwise', async () => {
    const [unset, more] = [await limitedKey(0), await limitedKey(SETTING + 2)];
    await db.database.query('update api_keys set rate_limit_per_minute = null where hash = $1', [hash(unset)]);
    expect(admitted(await getMany(unset, SETTING + 5))).toBe(SETTING);
    expect(admitted(await getMany(more, SETTING + 5))).toBe(SETTING + 2);
  });

  it('200 for any number when the key says 0, without headers', async () => {
    const key = await limitedKey(0);
    const answers = await getMany(key, 40);
    expect(admitted(answers)).toBe(40);
    expect(headersOf(answers[0] as Answer)).toEqual([null, null, null]);
  });

  it('200 for any number when the setting says 0 and the key nothing', async () => {
    const unlimited = await TestApp.start(db.url, { rateLimitPerMinute: 0 });
    const key = await limitedKey(0);
    await db.database.query('update api_keys set rate_limit_per_minute = null where hash = $1', [hash(key)]);
    const answers = await getMany(key, 40, [unlimited]);
    await unlimited.close();
    expect(admitted(answers)).toBe(40);
  });

  it('200 again when the requests have left the window, and not before', async () => {
    const key = await limitedKey(3);
    expect(admitted(await getMany(key, 5))).toBe(3);
    await pass(key, 30);
    const early = await get(key);
    expect(early.status).toBe(429);
    expect(Number(early.headers.get('retry-after'))).toBeLessThanOrEqual(31);
    await pass(key, 31);
    expect(admitted(await getMany(key, 5))).toBe(3);
  });

  it('200 for as many as have left the window: it slides', async () => {
    const key = await limitedKey(5);
    await getMany(key, 3);
    await pass(key, 40);
    await getMany(key, 2);
    expect((await get(key)).status).toBe(429);
    await pass(key, 21);
    expect(admitted(await getMany(key, 10))).toBe(3);
  });

  it('200 does not come later for having been refused meanwhile', async () => {
    const key = await limitedKey(1);
    await get(key);
    await pass(key, 50);
    expect(admitted(await getMany(key, 10))).toBe(0);
    await pass(key, 11);
    expect((await get(key)).status).toBe(200);
  });
});
