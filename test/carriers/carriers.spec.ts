import { randomBytes, randomUUID } from 'node:crypto';
import { type Answer, TestApp, type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const PASSWORD = 'hunter2-hunter2';
const TARGET = { host: 'sip.example.com', port: null, transport: 'udp' };

describe('carriers', () => {
  const app = useApp({ encryptionKey: randomBytes(32) });
  let tenant: Tenant;
  let stranger: Tenant;

  beforeAll(async () => {
    [tenant, stranger] = [await app.tenant(), await app.tenant()];
  });

  const ask = (method: string, path = '', body?: unknown, key = tenant.key, on: TestApp = app) =>
    on.request(method, `/v1/carriers${path}`, { key, ...(body === undefined ? {} : { body }) });
  const create = async (fields: object = {}, key = tenant.key) => {
    const { status, body } = await ask('POST', '', { name: 'Acme', targets: [TARGET], ...fields }, key);
    expect([status, body.error]).toEqual([201, undefined]);
    return body.data;
  };
  const get = async (id: string) => (await ask('GET', `/${id}`)).body.data;
  const addNumber = async (phoneNumber: string, carrierId: string) =>
    (await app.request('POST', '/v1/phone-numbers', { key: tenant.key, body: { phoneNumber, carrierId } })).body.data;
  const expectNotFound = ({ status, text, body }: Answer) => {
    expect(status).toBe(404);
    const error = '{"code":"not_found","message":"Carrier not found","details":null}';
    expect(text).toBe(`{"error":${error},"requestId":"${body.requestId}"}`);
  };
  const expectRefused = ({ status, body }: Answer, ...fields: string[]) => {
    expect([status, body.error?.code]).toEqual([400, 'validation_error']);
    expect(Object.keys(body.error.details)).toEqual(fields);
  };
  const expectScope = async (method: string, path: string, body?: unknown) => {
    expect((await ask(method, path, body, 'rpl_test_x')).status).toBe(401);
    const key = await app.key(tenant.organizationId, { scopes: ['phone-numbers:write', 'api-keys:manage'] });
    const answer = await ask(method, path, body, key);
    expect([answer.status, answer.body.error.code]).toEqual([403, 'insufficient_scope']);
    expect(answer.body.error.message).toBe('API key does not have the required scope: carriers:manage');
  };

  describe('POST /v1/carriers', () => {
    it('201 has the carrier as it was given, without its password', async () => {
      const given = {
        name: 'Acme trunk',
        kind: 'sip',
        targets: [
          { host: 'sip1.example.com', port: 5061, transport: 'tls' },
          { host: '192.0.2.1', port: 5060, transport: 'udp' },
          { host: '2001:db8::1', port: null, transport: 'tcp' },
        ],
        username: 'acme',
        authRealm: 'example.com',
        codecs: ['PCMA', 'PCMU'],
        srtp: 'required',
        callerIdFormat: 'e164_without_plus',
        numberFormat: 'e164_without_plus',
        fromDomain: 'acme.example.com',
        callsPerSecond: 5,
        maxChannels: 30,
        registration: true,
        verifyTls: false,
        isActive: false,
      };
      const { status, body, text } = await ask('POST', '', { ...given, password: PASSWORD });
      expect(status).toBe(201);
      expect(body).toEqual({
        data: { ...given, id: expect.any(String), hasPassword: true, createdAt: TIME, updatedAt: TIME },
        requestId: expect.stringMatching(/^req-/),
      });
      expect(text).not.toContain(PASSWORD);
      expect(await get(body.data.id)).toEqual(body.data);
    });

    it('201 needs a name and a target only', async () => {
      const carrier = await create({ targets: [{ host: 'sip.example.com' }] });
      expect(carrier).toMatchObject({
        ...{ kind: 'sip', targets: [TARGET], username: null, hasPassword: false, authRealm: null },
        ...{ codecs: ['PCMU', 'PCMA'], srtp: 'off', callerIdFormat: 'e164', numberFormat: 'e164', fromDomain: null },
        ...{ callsPerSecond: null, maxChannels: null, registration: false, verifyTls: true, isActive: true },
      });
    });

    it('201 takes null for what is optional as absent', async () => {
      const names = ['kind', 'host', 'port', 'transport', 'username', 'password', 'authRealm', 'codecs', 'srtp'];
      const more = ['callerIdFormat', 'numberFormat', 'fromDomain', 'registration', 'verifyTls', 'isActive'];
      const nulls = Object.fromEntries([...names, ...more].map((name) => [name, null]));
      expect(await create(nulls)).toMatchObject({ codecs: ['PCMU', 'PCMA'], verifyTls: true, hasPassword: false });
    });

    it('201 takes host, port and transport as the short form of one target', async () => {
      const body = { name: 'Acme', host: 'sip.example.com', port: 5080, transport: 'tcp' };
      const { data } = (await ask('POST', '', body)).body;
      expect(data.targets).toEqual([{ host: 'sip.example.com', port: 5080, transport: 'tcp' }]);
      expect(data).not.toHaveProperty('host');
    });

    it('201 ignores what it does not know', async () => {
      const mine = { id: 'mine', organizationId: stranger.organizationId, sealedPassword: 'x', hasPassword: true };
      const carrier = await create({ ...mine, targets: [{ ...TARGET, weight: 1 }] });
      expect(carrier).toMatchObject({ id: expect.not.stringMatching('mine'), hasPassword: false, targets: [TARGET] });
      expectNotFound(await ask('GET', `/${carrier.id}`, undefined, stranger.key));
    });

    it('the database holds no password in the clear', async () => {
      const { id } = await create({ username: 'acme', password: PASSWORD });
      const [row] = await app.db.database.query<{ text: string }>(
        'select c::text as text from carriers c where id = $1',
        [id],
      );
      expect(row?.text).toContain('v1.');
      expect(row?.text).not.toContain(PASSWORD);
    });

    it('400 without a name', async () => {
      for (const name of [undefined, null, '']) {
        const answer = await ask('POST', '', { name, targets: [TARGET] });
        expectRefused(answer, 'name');
        expect(answer.body.error.message).toBe('name is required');
      }
    });

    it('400 without a target', async () => {
      for (const targets of [undefined, null]) expectRefused(await ask('POST', '', { name: 'x', targets }), 'targets');
    });

    const HOSTS = ['', ' ', 'a b', 'a\r\nVia: x', 'user@host', 'sip:host', 'host:5060', '[::1]', '1.2.3', '256.1.1.1'];
    const MORE_HOSTS = [
      'a'.repeat(64),
      `${'a.'.repeat(127)}a`,
      'host/',
      'host;lr',
      '-a',
      'a..b',
      '::g',
      'é.it',
      1,
      {},
      [],
    ];
    it.each([...HOSTS, ...MORE_HOSTS, null, undefined])('400 for the host %j', async (host) => {
      expectRefused(await ask('POST', '', { name: 'x', targets: [TARGET, { host }] }), 'targets[1].host');
    });

    it.each([
      ['targets', []],
      ['targets', 'sip.example.com'],
      ['targets', { host: 'sip.example.com' }],
      ['targets', Array.from({ length: 9 }, () => TARGET)],
      ['targets[0]', ['sip.example.com']],
      ['targets[0]', [null]],
      ['targets[0].port', [{ ...TARGET, port: 0 }]],
      ['targets[0].port', [{ ...TARGET, port: 65_536 }]],
      ['targets[0].port', [{ ...TARGET, port: '5060' }]],
      ['targets[0].port', [{ ...TARGET, port: 1.5 }]],
      ['targets[0].transport', [{ ...TARGET, transport: 'ws' }]],
      ['targets[0].transport', [{ ...TARGET, transport: 'UDP' }]],
    ])('400 names the part of the targets that is wrong: %s', async (path, targets) => {
      expectRefused(await ask('POST', '', { name: 'x', targets }), path);
    });

    it.each([
      ['name', 'x'.repeat(201)],
      ['name', 1],
      ['kind', 'twilio'],
      ['username', 'a\r\nb'],
      ['username', 'x'.repeat(256)],
      ['password', ''],
      ['password', 'x'.repeat(256)],
      ['password', 1],
      ['authRealm', 'a\nb'],
      ['codecs', []],
      ['codecs', ['opus']],
      ['codecs', ['PCMU', 'PCMU']],
      ['codecs', 'PCMU'],
      ['srtp', 'optional'],
      ['srtp', true],
      ['callerIdFormat', 'national'],
      ['numberFormat', ''],
      ['fromDomain', 'a b'],
      ['fromDomain', 'sip:x'],
      ['callsPerSecond', -1],
      ['callsPerSecond', 1.5],
      ['callsPerSecond', 100_001],
      ['maxChannels', 0],
      ['maxChannels', 1_000_001],
      ['registration', 'yes'],
      ['verifyTls', 1],
      ['isActive', 'true'],
    ])('400 names the field that is wrong: %s', async (name, value) => {
      const valid = { name: 'x', targets: [TARGET], username: 'acme', password: PASSWORD };
      const answer = await ask('POST', '', { ...valid, [name]: value });
      expectRefused(answer, name);
      expect(answer.text).not.toContain(PASSWORD);
    });

    it('400 for what does not go together', async () => {
      const refusedFor = async (fields: object, ...names: string[]) => {
        expectRefused(await ask('POST', '', { name: 'x', ...fields }), ...names);
      };
      await refusedFor({ targets: [TARGET], host: 'sip.example.com' }, 'host');
      await refusedFor({ targets: [TARGET], port: 5060, transport: 'tcp' }, 'port', 'transport');
      await refusedFor({ host: 'a b' }, 'host');
      await refusedFor({ targets: [TARGET], username: 'acme' }, 'password');
      await refusedFor({ targets: [TARGET], password: PASSWORD }, 'username');
      await refusedFor({ targets: [TARGET], registration: true }, 'registration');
    });

    it('400 for a body that is no object', async () => {
      for (const body of ['[]', '"x"', '{']) expect((await ask('POST', '', body)).body.error.code).toBe('bad_request');
      expectRefused(await ask('POST', '', undefined), 'name');
    });

    it('400 for a password names ENCRYPTION_KEY where the server has none; without a password it works', async () => {
      const keyless = await TestApp.start(app.db.url, { databaseUrl: app.db.url });
      try {
        const fields = { name: 'x', targets: [TARGET] };
        const answer = await ask('POST', '', { ...fields, username: 'a', password: PASSWORD }, tenant.key, keyless);
        expectRefused(answer, 'password');
        expect(answer.body.error.message).toContain('ENCRYPTION_KEY is not set');
        expect((await ask('POST', '', fields, tenant.key, keyless)).status).toBe(201);
      } finally {
        await keyless.close();
      }
    });

    it('401 without a key, 403 without the scope', () => expectScope('POST', '', { name: 'x', targets: [TARGET] }));
  });

  describe('GET /v1/carriers', () => {
    it('200 lists the carriers, newest first, page by page', async () => {
      const owner = await app.tenant();
      const made = [await create({}, owner.key), await create({}, owner.key), await create({}, owner.key)];
      const { status, body } = await ask('GET', '?limit=2', undefined, owner.key);
      expect([status, body.data]).toEqual([200, [made[2], made[1]]]);
      expect(body.pagination).toEqual({ page: 1, limit: 2, total: 3, totalPages: 2 });
      expect((await ask('GET', '?limit=2&page=2', undefined, owner.key)).body.data).toEqual([made[0]]);
    });

    it("200 never lists another organization's carriers", async () => {
      const { id } = await create();
      const { body } = await ask('GET', '?limit=100', undefined, stranger.key);
      expect(body.data.map((carrier: any) => carrier.id)).not.toContain(id);
    });

    it.each(['page=0', 'limit=101'])('400 for ?%s', async (query) => {
      expectRefused(await ask('GET', `?${query}`), query.split('=')[0]!);
    });

    it('401 without a key, 403 without the scope', () => expectScope('GET', ''));
  });

  describe('GET /v1/carriers/{id}', () => {
    it("404 is the same for another organization's carrier and none at all", async () => {
      const { id } = await create();
      expectNotFound(await ask('GET', `/${id}`, undefined, stranger.key));
      for (const none of [randomUUID(), 'x', 'default', '%00', 'x'.repeat(300)])
        expectNotFound(await ask('GET', `/${none}`));
    });

    it('401 without a key, 403 without the scope', () => expectScope('GET', `/${randomUUID()}`));
  });

  describe('PATCH /v1/carriers/{id}', () => {
    it('200 changes what is given and nothing else', async () => {
      const before = await create({ username: 'acme', password: PASSWORD, maxChannels: 3 });
      const changes = { name: 'New', targets: [{ ...TARGET, port: 5070 }], codecs: ['PCMA'], isActive: false };
      const { status, body } = await ask('PATCH', `/${before.id}`, changes);
      expect([status, body.data]).toEqual([200, { ...before, ...changes, updatedAt: TIME }]);
      expect(await get(before.id)).toEqual(body.data);
    });

    it('200 empties what may be empty with null, and leaves the rest alone', async () => {
      const empty = { authRealm: null, fromDomain: null, callsPerSecond: null, maxChannels: null };
      const full = { authRealm: 'a', fromDomain: 'b', callsPerSecond: 1, maxChannels: 1 };
      const before = await create(full);
      const others = { name: null, kind: null, targets: null, codecs: null, srtp: null, verifyTls: null };
      const { body } = await ask('PATCH', `/${before.id}`, { ...empty, ...others });
      expect(body.data).toEqual({ ...before, ...empty, updatedAt: TIME });
    });

    it('200 with nothing to change is the carrier as it is', async () => {
      const before = await create();
      for (const nothing of [{}, { unknown: 1 }, undefined])
        expect((await ask('PATCH', `/${before.id}`, nothing)).body.data).toEqual(before);
    });

    it('200 takes the short form for all targets', async () => {
      const { id } = await create({ targets: [TARGET, TARGET] });
      const { body } = await ask('PATCH', `/${id}`, { host: '192.0.2.9' });
      expect(body.data.targets).toEqual([{ host: '192.0.2.9', port: null, transport: 'udp' }]);
    });

    it('200 gives and takes credentials, both or none', async () => {
      const { id } = await create();
      expectRefused(await ask('PATCH', `/${id}`, { username: 'acme' }), 'password');
      expectRefused(await ask('PATCH', `/${id}`, { password: PASSWORD }), 'username');
      const given = await ask('PATCH', `/${id}`, { username: 'acme', password: PASSWORD, registration: true });
      expect(given.body.data).toMatchObject({ username: 'acme', hasPassword: true, registration: true });
      expectRefused(await ask('PATCH', `/${id}`, { username: null }), 'username');
      expectRefused(await ask('PATCH', `/${id}`, { username: null, password: null }), 'registration');
      const taken = await ask('PATCH', `/${id}`, { username: null, password: null, registration: false });
      expect(taken.body.data).toMatchObject({ username: null, hasPassword: false, registration: false });
    });

    it('never 500 when halves of the credentials are taken at once', async () => {
      const { id } = await create({ username: 'acme', password: PASSWORD });
      const changes = [{ username: null, password: null }, { password: 'other' }, { username: 'other' }];
      const answers = await Promise.all(
        [...changes, ...changes, ...changes].map((each) => ask('PATCH', `/${id}`, each)),
      );
      for (const { status } of answers) expect([200, 400, 409]).toContain(status);
      const { username, hasPassword } = await get(id);
      expect(hasPassword).toBe(username !== null);
    });

    it.each([
      ['name', ''],
      ['targets', []],
      ['targets[0].host', [{}]],
      ['port', 5060],
      ['codecs', []],
      ['isActive', 'no'],
    ])('400 names the field that is wrong: %s', async (path, value) => {
      const { id } = await create();
      expectRefused(await ask('PATCH', `/${id}`, { [path.replace(/\[.*/, '')]: value }), path);
    });

    it("404 is the same for another organization's carrier, which stays as it is, and none at all", async () => {
      const before = await create();
      expectNotFound(await ask('PATCH', `/${before.id}`, { name: 'Stolen' }, stranger.key));
      for (const id of [randomUUID(), 'x', 'default']) expectNotFound(await ask('PATCH', `/${id}`, { name: 'y' }));
      expect(await get(before.id)).toEqual(before);
    });

    it('401 without a key, 403 without the scope', () => expectScope('PATCH', `/${randomUUID()}`, { name: 'x' }));
  });

  describe('DELETE /v1/carriers/{id}', () => {
    it('200 deletes it', async () => {
      const carrier = await create();
      const { status, body } = await ask('DELETE', `/${carrier.id}`);
      expect([status, body.data]).toEqual([200, carrier]);
      expectNotFound(await ask('GET', `/${carrier.id}`));
      expectNotFound(await ask('DELETE', `/${carrier.id}`));
    });

    it('409 while phone numbers use it, naming them; 200 once they do not', async () => {
      const { id } = await create();
      const numbers = [];
      for (let n = 0; n < 7; n++) numbers.push(await addNumber(`+3906555000${n}`, id));
      const { status, body } = await ask('DELETE', `/${id}`);
      expect([status, body.error.code]).toEqual([409, 'conflict']);
      expect(body.error.message).toBe(
        'Phone numbers use this carrier: +39065550000, +39065550001, +39065550002, +39065550003, +39065550004 and 2 more. ' +
          'Give them another carrier, or null, first',
      );
      const named = numbers.slice(0, 5).map((number) => ({ id: number.id, phoneNumber: number.phoneNumber }));
      expect(body.error.details).toEqual({ phoneNumbers: named });
      for (const number of numbers)
        await app.request('PATCH', `/v1/phone-numbers/${number.id}`, { key: tenant.key, body: { carrierId: null } });
      expect((await ask('DELETE', `/${id}`)).status).toBe(200);
    });

    it('200 for exactly one of many at once', async () => {
      const { id } = await create();
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask('DELETE', `/${id}`)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 404)]);
    });

    it('404 for another organization, which cannot tell whether numbers use it', async () => {
      const { id } = await create();
      await addNumber('+39065559999', id);
      expectNotFound(await ask('DELETE', `/${id}`, undefined, stranger.key));
      expect(await get(id)).toMatchObject({ id });
    });

    it('401 without a key, 403 without the scope', () => expectScope('DELETE', `/${randomUUID()}`));
  });
});
