import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { TestApp, type Tenant } from '../../support/app.js';
import { type Program, startServer } from '../../support/process.js';

/** What must not be logged anywhere, however a request ends. */
const SECRETS = {
  name: 'Jane Secretperson',
  number: '+14155550177',
  metadata: 'metadata-nobody-may-read',
  variable: 'variable-nobody-may-read',
  prompt: 'prompt-nobody-may-read',
  query: 'query-nobody-may-read',
  idempotencyKey: 'idempotency-key-nobody-may-read',
};

describe('the log of a server', () => {
  let db: TestDatabase;
  let helper: TestApp;
  let tenant: Tenant;
  let server: Program;
  let url: string;
  let lines: Record<string, any>[];
  /** The request id and status of each request, as its client was told. */
  const answers: Record<string, { status: number; requestId: string }> = {};
  const secrets: string[] = Object.values(SECRETS);

  beforeAll(async () => {
    db = await openTestDatabase();
    helper = await TestApp.start(db.url);
    tenant = await helper.tenant();
    secrets.push(tenant.key, tenant.fromNumber);
    ({ server, url } = await startServer({ DATABASE_URL: db.url, ROLES: 'api', LOG_LEVEL: 'trace' }));
    await drive();
    await server.kill('SIGTERM');
    lines = server.stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  }, 60_000);

  afterAll(async () => {
    await helper.close();
    await db.close();
  });

  async function send(what: string, method: string, path: string, body?: unknown, key = tenant.key): Promise<any> {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(what === 'created' ? { 'idempotency-key': SECRETS.idempotencyKey } : {}),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const answer = (await response.json()) as any;
    answers[what] = { status: response.status, requestId: answer.requestId };
    return answer.data;
  }

  /** Requests of every kind, each with something in it that is nobody else's business. */
  async function drive(): Promise<void> {
    const { agentId, fromNumber } = tenant;
    const { name: customerName, number: toNumber } = SECRETS;
    const metadata = { note: SECRETS.metadata };
    const dynamicVariables = { note: SECRETS.variable };
    const call = { agentId, fromNumber, toNumber, customerName, metadata, dynamicVariables };
    const { id } = await send('created', 'POST', '/v1/calls', call);
    await send('got', 'GET', `/v1/calls/${id}`);
    await send('events', 'GET', `/v1/calls/${id}/events`);
    await send('listed', 'GET', '/v1/calls');
    await send('cancelled', 'POST', `/v1/calls/${id}/cancel`);
    await send('conflict', 'POST', `/v1/calls/${id}/cancel`);
    await send('agent', 'POST', '/v1/agents', { agentName: customerName, prompt: SECRETS.prompt });
    await send('number', 'POST', '/v1/phone-numbers', { phoneNumber: toNumber });
    await send('number again', 'POST', '/v1/phone-numbers', { phoneNumber: toNumber });
    const { key } = await send('key', 'POST', '/v1/api-keys', {
      name: customerName,
      environment: 'test',
      scopes: ['calls:read'],
    });
    secrets.push(key);
    await send('invalid', 'POST', '/v1/calls', { ...call, scheduledAt: customerName, voiceId: { toNumber } });
    await send('malformed', 'POST', '/v1/calls', `{"customerName": "${customerName}", "toNumber": ${toNumber}`);
    await send('unknown path', 'GET', `/v1/people/${toNumber}?name=${SECRETS.query}`);
    await send('unknown call', 'GET', `/v1/calls/${toNumber}`);
    await send('bad query', 'GET', `/v1/calls?status=${SECRETS.query}`);
    await send('unauthorized', 'GET', '/v1/calls', undefined, 'rpl_test_nobody-may-read');
    secrets.push('rpl_test_nobody-may-read');
    await failInTheDatabase(call);
  }

  /** PostgreSQL puts the whole row into the error of a constraint. */
  async function failInTheDatabase(call: object): Promise<void> {
    for (const table of ['calls', 'agents'])
      await db.database.query(`alter table ${table} add constraint refuse_all check (false) not valid`);
    await send('failed call', 'POST', '/v1/calls', call);
    await send('failed agent', 'POST', '/v1/agents', { agentName: SECRETS.name, prompt: SECRETS.prompt });
  }

  it('has one line for every request: its id, route, status and duration', () => {
    for (const [what, { status, requestId }] of Object.entries(answers)) {
      const own = lines.filter((line) => line['requestId'] === requestId && line['msg'] === 'request');
      expect([what, own]).toEqual([
        what,
        [expect.objectContaining({ status, ms: expect.any(Number), method: expect.any(String), level: 30 })],
      ]);
    }
    const created = lines.find((line) => line['requestId'] === answers['created']?.requestId);
    expect(created).toMatchObject({ method: 'POST', route: '/v1/calls', status: 201, keyId: expect.any(String) });
    const got = lines.find((line) => line['requestId'] === answers['got']?.requestId);
    expect(got).toMatchObject({ method: 'GET', route: '/v1/calls/:id', status: 200 });
  });

  it('was asked for every kind of answer', () => {
    const statuses = new Set(Object.values(answers).map(({ status }) => status));
    expect([...statuses].sort()).toEqual([200, 201, 400, 401, 404, 409, 500]);
  });

  it('says of a failure which request, which error and where, and nothing of the rows', () => {
    for (const what of ['failed call', 'failed agent']) {
      expect(answers[what]?.status).toBe(500);
      const errors = lines.filter((line) => line['requestId'] === answers[what]?.requestId && line['level'] === 50);
      expect(errors).toEqual([
        expect.objectContaining({
          err: expect.objectContaining({ name: 'DatabaseError', code: '23514', constraint: 'refuse_all' }),
        }),
      ]);
    }
  });

  it('has no phone number, name, key, text or query of anybody in it', () => {
    const output = server.stdout + server.stderr;
    expect(lines.length).toBeGreaterThan(Object.keys(answers).length);
    for (const secret of secrets) expect(output.includes(secret) ? secret : 'not logged').toBe('not logged');
    // Nor digits of a number or the secret part of a key in another form.
    for (const secret of secrets.filter((each) => /^(\+|rpl_)/.test(each)))
      expect(output).not.toContain(secret.replace(/^(\+|rpl_(test|live)_)/, ''));
  });
});
