import { randomUUID } from 'node:crypto';
import { CarriersService } from '../../src/carriers/carriers.service.js';
import { type Answer, type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';

describe('phone numbers', () => {
  const app = useApp();
  let tenant: Tenant;
  let stranger: Tenant;
  let lastNumber = 14155550000;

  beforeAll(async () => {
    [tenant, stranger] = [await app.tenant(), await app.tenant()];
  });

  const newNumber = () => `+${++lastNumber}`;
  const ask = (method: string, path = '', body?: unknown, key = tenant.key) =>
    app.request(method, `/v1/phone-numbers${path}`, { key, ...(body === undefined ? {} : { body }) });
  const add = async (phoneNumber = newNumber(), key = tenant.key) =>
    (await ask('POST', '', { phoneNumber }, key)).body.data;
  const addCarrier = async ({ organizationId }: Tenant) => {
    const target = { host: 'sip.example.com', port: null, transport: 'udp' as const };
    return (await app.nest.get(CarriersService).create(organizationId, { name: 'Acme', targets: [target] })).id;
  };
  const expectNotFound = ({ status, text, body }: Answer, thing = 'Phone number') => {
    expect(status).toBe(404);
    const error = `{"code":"not_found","message":"${thing} not found","details":null}`;
    expect(text).toBe(`{"error":${error},"requestId":"${body.requestId}"}`);
  };
  const expectScope = async (method: string, path: string, scope: string, body?: unknown) => {
    const other = scope === 'phone-numbers:read' ? 'phone-numbers:write' : 'phone-numbers:read';
    const answer = await ask(method, path, body, await app.key(tenant.organizationId, { scopes: [other] }));
    expect(answer.status).toBe(403);
    expect(answer.body.error).toMatchObject({
      code: 'insufficient_scope',
      message: `API key does not have the required scope: ${scope}`,
    });
  };

  describe('POST /v1/phone-numbers', () => {
    it('201 has the number, and calls can be made from it', async () => {
      const phoneNumber = newNumber();
      const { status, body } = await ask('POST', '', { phoneNumber, label: 'Sales' });
      expect(status).toBe(201);
      expect(body).toEqual({
        data: {
          id: expect.any(String),
          phoneNumber,
          label: 'Sales',
          carrierId: null,
          createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        },
        requestId: expect.stringMatching(/^req-/),
      });
      expect(await app.createCall({ ...tenant, fromNumber: phoneNumber })).toEqual(expect.any(String));
    });

    it('201 takes null for what is optional as absent, and ignores what it does not know', async () => {
      const given = { phoneNumber: newNumber(), label: null, carrierId: null, id: 'mine' };
      const { status, body } = await ask('POST', '', given);
      expect(status).toBe(201);
      expect(body.data).toMatchObject({ label: null, carrierId: null, id: expect.not.stringMatching('mine') });
    });

    it('201 for a number that another organization has as well', async () => {
      const { phoneNumber } = await add(newNumber(), stranger.key);
      expect((await ask('POST', '', { phoneNumber })).status).toBe(201);
    });

    it('400 without the number', async () => {
      for (const body of [{}, { phoneNumber: null }, { phoneNumber: '' }, { label: 'Sales' }, undefined]) {
        const answer = await ask('POST', '', body);
        expect(answer.status).toBe(400);
        expect(answer.body.error).toEqual({
          code: 'validation_error',
          message: 'phoneNumber is required',
          details: { phoneNumber: 'is required' },
        });
      }
    });

    it.each([
      ['phoneNumber', '14155550123'],
      ['phoneNumber', '+1 415 555 0123'],
      ['phoneNumber', 14155550123],
      ['phoneNumber', '+1'],
      ['label', 1],
      ['label', ''],
      ['label', 'x'.repeat(201)],
      ['carrierId', {}],
    ])('400 names the field that is wrong: %s', async (name, value) => {
      const { status, body } = await ask('POST', '', { phoneNumber: newNumber(), [name]: value });
      expect(status).toBe(400);
      expect(body.error.code).toBe('validation_error');
      expect(Object.keys(body.error.details)).toEqual([name]);
    });

    it('201 with a carrier of the organization', async () => {
      const carrierId = await addCarrier(tenant);
      const { status, body } = await ask('POST', '', { phoneNumber: newNumber(), carrierId });
      expect([status, body.data.carrierId]).toEqual([201, carrierId]);
    });

    it("404 for another organization's carrier", async () => {
      const phoneNumber = newNumber();
      const carrierId = await addCarrier(stranger);
      expectNotFound(await ask('POST', '', { phoneNumber, carrierId }), 'Carrier');
      await expect(app.createCall({ ...tenant, fromNumber: phoneNumber })).rejects.toThrow('forbidden');
    });

    it.each([
      ['a UUID', randomUUID()],
      ['another id', 'clx-carrier-1'],
      ['300 characters', 'x'.repeat(300)],
    ])('404 for a carrier that is not there: %s', async (_shape, carrierId) => {
      const phoneNumber = newNumber();
      expectNotFound(await ask('POST', '', { phoneNumber, carrierId }), 'Carrier');
      await expect(app.createCall({ ...tenant, fromNumber: phoneNumber })).rejects.toThrow('forbidden');
    });

    it('409 for a number that the organization has already', async () => {
      const { phoneNumber } = await add();
      const { status, body } = await ask('POST', '', { phoneNumber });
      expect(status).toBe(409);
      expect(body.error).toEqual({
        code: 'conflict',
        message: 'The organization has this phone number already',
        details: null,
      });
    });

    it('201 for exactly one of many that add the same number at once', async () => {
      const phoneNumber = newNumber();
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask('POST', '', { phoneNumber })));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 9 }, () => 409)]);
    });

    it('403 without the scope', () => expectScope('POST', '', 'phone-numbers:write', { phoneNumber: '+14155559999' }));
  });

  describe('GET /v1/phone-numbers', () => {
    it('200 lists the numbers, newest first, page by page', async () => {
      const owner = await app.tenant();
      const added = [await add(newNumber(), owner.key), await add(newNumber(), owner.key)];
      const { status, body } = await ask('GET', '?limit=2', undefined, owner.key);
      expect(status).toBe(200);
      expect(body.data).toEqual([added[1], added[0]]);
      expect(body.pagination).toEqual({ page: 1, limit: 2, total: 3, totalPages: 2 });
      const second = await ask('GET', '?limit=2&page=2', undefined, owner.key);
      expect(second.body.data.map((number: any) => number.phoneNumber)).toEqual([owner.fromNumber]);
    });

    it("200 never lists another organization's numbers", async () => {
      const { id } = await add();
      const { body } = await ask('GET', '?limit=100', undefined, stranger.key);
      expect(body.data.map((number: any) => number.id)).not.toContain(id);
    });

    it.each(['page=0', 'limit=101', 'limit=abc'])('400 for ?%s', async (query) => {
      const { status, body } = await ask('GET', `?${query}`);
      expect([status, body.error.code]).toEqual([400, 'validation_error']);
      expect(Object.keys(body.error.details)).toEqual([query.split('=')[0]]);
    });

    it('403 without the scope', () => expectScope('GET', '', 'phone-numbers:read'));
  });

  describe('PATCH /v1/phone-numbers/{id}', () => {
    it('200 changes what is given and nothing else; null empties', async () => {
      const number = await add();
      const carrierId = await addCarrier(tenant);
      const steps = [{ label: 'Support' }, { carrierId }, { label: null }, { carrierId: null }];
      let expected = number;
      for (const changes of steps) {
        expected = { ...expected, ...changes };
        const { status, body } = await ask('PATCH', `/${number.id}`, changes);
        expect([status, body.data]).toEqual([200, expected]);
      }
    });

    it('200 with nothing to change, and ignores what it does not know', async () => {
      const number = await add();
      for (const nothing of [{}, { phoneNumber: '+390000000', id: 'mine' }, undefined])
        expect((await ask('PATCH', `/${number.id}`, nothing)).body.data).toEqual(number);
    });

    it.each([
      ['label', ''],
      ['label', 'x'.repeat(201)],
      ['carrierId', {}],
      ['carrierId', ''],
    ])('400 names the field that is wrong: %s', async (name, value) => {
      const { status, body } = await ask('PATCH', `/${(await add()).id}`, { [name]: value });
      expect([status, body.error.code]).toEqual([400, 'validation_error']);
      expect(Object.keys(body.error.details)).toEqual([name]);
    });

    it("404 is the same for another organization's carrier and none at all; the number keeps its own", async () => {
      const carrierId = await addCarrier(tenant);
      const { id } = (await ask('POST', '', { phoneNumber: newNumber(), carrierId })).body.data;
      for (const other of [await addCarrier(stranger), randomUUID(), 'x'])
        expectNotFound(await ask('PATCH', `/${id}`, { carrierId: other, label: 'Lost' }), 'Carrier');
      expect((await ask('PATCH', `/${id}`, {})).body.data).toMatchObject({ carrierId, label: null });
    });

    it("404 is the same for another organization's number, which stays as it is, and none at all", async () => {
      const kept = await add();
      expectNotFound(await ask('PATCH', `/${kept.id}`, { label: 'Stolen' }, stranger.key));
      for (const id of [randomUUID(), 'x', '%00']) expectNotFound(await ask('PATCH', `/${id}`, { label: 'x' }));
      expect((await ask('PATCH', `/${kept.id}`, {})).body.data).toEqual(kept);
    });

    it('403 without the scope', () => expectScope('PATCH', `/${randomUUID()}`, 'phone-numbers:write', { label: 'x' }));
  });

  describe('DELETE /v1/phone-numbers/{id}', () => {
    it('200 removes it: no longer listed, no new calls from it, and calls already accepted are kept', async () => {
      const number = await add();
      const callId = await app.createCall({ ...tenant, fromNumber: number.phoneNumber });
      const { status, body } = await ask('DELETE', `/${number.id}`);
      expect([status, body.data]).toEqual([200, number]);
      expect((await ask('GET', '?limit=100')).body.data.map(({ id }: any) => id)).not.toContain(number.id);
      await expect(app.createCall({ ...tenant, fromNumber: number.phoneNumber })).rejects.toThrow('forbidden');
      const call = await app.request('GET', `/v1/calls/${callId}`, { key: tenant.key });
      expect(call.body.data).toMatchObject({ status: 'queued', fromNumber: number.phoneNumber });
    });

    it('200 makes room for the same number again', async () => {
      const { id, phoneNumber } = await add();
      await ask('DELETE', `/${id}`);
      expect((await ask('POST', '', { phoneNumber })).status).toBe(201);
    });

    it("404 is the same for another organization's number, which is kept, a removed one and none at all", async () => {
      const kept = await add();
      const removed = await add();
      await ask('DELETE', `/${removed.id}`);
      expectNotFound(await ask('DELETE', `/${kept.id}`, undefined, stranger.key));
      for (const id of [removed.id, randomUUID(), 'x', '%00', '%2B14155550123'])
        expectNotFound(await ask('DELETE', `/${id}`));
      expect((await ask('GET', '?limit=100')).body.data.map(({ id }: any) => id)).toContain(kept.id);
    });

    it('200 for exactly one of many that remove the same number at once', async () => {
      const { id } = await add();
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask('DELETE', `/${id}`)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 404)]);
    });

    it('403 without the scope', () => expectScope('DELETE', `/${randomUUID()}`, 'phone-numbers:write'));
  });
});
