import { randomUUID } from 'node:crypto';
import { type Answer, type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe('suppressions', () => {
  const app = useApp();
  let tenant: Tenant;
  let stranger: Tenant;
  let lastNumber = 390655000000;

  beforeAll(async () => {
    [tenant, stranger] = [await app.tenant(), await app.tenant()];
  });

  const newNumber = () => `+${++lastNumber}`;
  const ask = (method: string, path = '', body?: unknown, key = tenant.key) =>
    app.request(method, `/v1/suppressions${path}`, { key, ...(body === undefined ? {} : { body }) });
  const add = async (fields: object = {}, key = tenant.key) =>
    (await ask('POST', '', { phoneNumber: newNumber(), ...fields }, key)).body.data;
  const expectNotFound = ({ status, text, body }: Answer) => {
    expect(status).toBe(404);
    const error = '{"code":"not_found","message":"Suppression not found","details":null}';
    expect(text).toBe(`{"error":${error},"requestId":"${body.requestId}"}`);
  };
  const expectScope = async (method: string, path: string, body?: unknown) => {
    expect((await ask(method, path, body, 'rpl_test_x')).status).toBe(401);
    const key = await app.key(tenant.organizationId, { scopes: ['calls:write', 'contacts:write'] });
    const answer = await ask(method, path, body, key);
    expect([answer.status, answer.body.error.code]).toEqual([403, 'insufficient_scope']);
  };

  describe('POST /v1/suppressions', () => {
    it('201 has the suppression', async () => {
      const given = {
        phoneNumber: newNumber(),
        reason: 'Asked not to be called',
        expiresAt: '2099-01-01T00:00:00.000Z',
      };
      const { status, body } = await ask('POST', '', given);
      expect(status).toBe(201);
      expect(body).toEqual({
        data: { ...given, id: expect.any(String), createdAt: TIME, updatedAt: TIME },
        requestId: expect.stringMatching(/^req-/),
      });
    });

    it('201 needs the number only, and ignores unknown fields', async () => {
      const suppression = await add({ id: 'mine', reason: null, expiresAt: null });
      expect(suppression).toMatchObject({ id: expect.not.stringMatching('mine'), reason: null, expiresAt: null });
    });

    it('201 for a suppressed number keeps its id, with the new reason and expiry', async () => {
      const first = await add({ reason: 'One', expiresAt: '2099-01-01T00:00:00Z' });
      const { status, body } = await ask('POST', '', { phoneNumber: first.phoneNumber, reason: 'Two' });
      expect(status).toBe(201);
      expect(body.data).toEqual({ ...first, reason: 'Two', expiresAt: null, updatedAt: TIME });
    });

    it('201 for concurrent requests gives one suppression', async () => {
      const phoneNumber = newNumber();
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask('POST', '', { phoneNumber })));
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 201));
      expect(new Set(answers.map(({ body }) => body.data.id)).size).toBe(1);
    });

    it('201 holds for live and test keys, and for one organization', async () => {
      const live = await app.key(tenant.organizationId, { environment: 'live' });
      const { id, phoneNumber } = await add({}, live);
      expect((await ask('POST', '', { phoneNumber })).body.data.id).toBe(id);
      expect((await ask('POST', '', { phoneNumber }, stranger.key)).body.data.id).not.toBe(id);
    });

    it('400 without the number', async () => {
      for (const body of [{}, { phoneNumber: null }, { phoneNumber: '' }, undefined]) {
        const { status, body: answer } = await ask('POST', '', body);
        expect([status, answer.error.message]).toEqual([400, 'phoneNumber is required']);
      }
    });

    it.each([
      ['phoneNumber', '390612345678'],
      ['phoneNumber', '+39 06 1234'],
      ['phoneNumber', '+39'],
      ['phoneNumber', 390612345678],
      ['phoneNumber', ['+390612345678']],
      ['reason', ''],
      ['reason', 1],
      ['reason', 'x'.repeat(501)],
      ['expiresAt', '2020-01-01T00:00:00Z'],
      ['expiresAt', 'tomorrow'],
      ['expiresAt', 4_070_908_800],
    ])('400 names the invalid field: %s', async (name, value) => {
      const { status, body } = await ask('POST', '', { phoneNumber: newNumber(), [name]: value });
      expect([status, body.error.code]).toEqual([400, 'validation_error']);
      expect(Object.keys(body.error.details)).toEqual([name]);
    });

    it('401 without a key, 403 without the scope', () => expectScope('POST', '', { phoneNumber: newNumber() }));
  });

  describe('GET /v1/suppressions', () => {
    it('200 lists them, newest first, page by page', async () => {
      const owner = await app.tenant();
      const added = [await add({}, owner.key), await add({}, owner.key), await add({}, owner.key)];
      const { status, body } = await ask('GET', '?limit=2', undefined, owner.key);
      expect([status, body.data]).toEqual([200, [added[2], added[1]]]);
      expect(body.pagination).toEqual({ page: 1, limit: 2, total: 3, totalPages: 2 });
      expect((await ask('GET', '?limit=2&page=2', undefined, owner.key)).body.data).toEqual([added[0]]);
    });

    it('200 finds one by its number', async () => {
      const wanted = await add();
      await add();
      const find = async (number: string) => (await ask('GET', `?phoneNumber=${encodeURIComponent(number)}`)).body.data;
      expect(await find(wanted.phoneNumber)).toEqual([wanted]);
      expect(await find('+390000000')).toEqual([]);
    });

    it("200 never lists another organization's", async () => {
      const { id } = await add();
      const { body } = await ask('GET', '?limit=100', undefined, stranger.key);
      expect(body.data.map((each: any) => each.id)).not.toContain(id);
    });

    it.each(['page=0', 'limit=101', 'phoneNumber=39', 'phoneNumber=+390612345678'])('400 for ?%s', async (query) => {
      const { status, body } = await ask('GET', `?${query}`);
      expect([status, body.error.code]).toEqual([400, 'validation_error']);
      expect(Object.keys(body.error.details)).toEqual([query.split('=')[0]]);
    });

    it('401 without a key, 403 without the scope', () => expectScope('GET', ''));
  });

  describe('DELETE /v1/suppressions/{id}', () => {
    it('200 removes it, and the number can be suppressed again', async () => {
      const suppression = await add();
      const { status, body } = await ask('DELETE', `/${suppression.id}`);
      expect([status, body.data]).toEqual([200, suppression]);
      expectNotFound(await ask('DELETE', `/${suppression.id}`));
      expect((await ask('POST', '', { phoneNumber: suppression.phoneNumber })).status).toBe(201);
    });

    it("404 is the same for another organization's suppression and a missing one", async () => {
      const kept = await add();
      expectNotFound(await ask('DELETE', `/${kept.id}`, undefined, stranger.key));
      for (const id of [randomUUID(), 'x', '%00']) expectNotFound(await ask('DELETE', `/${id}`));
      expect((await ask('GET', '?limit=100')).body.data).toContainEqual(kept);
    });

    it('401 without a key, 403 without the scope', () => expectScope('DELETE', `/${randomUUID()}`));
  });
});
