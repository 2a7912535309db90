import { DiallingPolicyService } from '../../src/compliance/dialling-policy.service.js';
import { SuppressionsService } from '../../src/compliance/suppressions.service.js';
import { type Answer, type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';

const DEFAULTS = {
  allowedPrefixes: [],
  refusedPrefixes: [],
  allowPremium: false,
  allowSatellite: false,
  maxSpendPerDay: null,
  maxCallsPerNumberPerDay: null,
  callingHours: null,
  allowUnknownTimeZone: false,
  updatedAt: null,
};
const OFFICE = { start: '09:00', end: '18:00', days: [1, 2, 3, 4, 5] };
const ALL = {
  allowedPrefixes: ['+39', '+1415'],
  refusedPrefixes: ['+39199'],
  allowPremium: true,
  allowSatellite: true,
  maxSpendPerDay: 12.5,
  maxCallsPerNumberPerDay: 3,
  callingHours: OFFICE,
  allowUnknownTimeZone: true,
};
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
/** A Monday, noon in Rome. */
const NOON = new Date('2026-07-06T10:00:00Z');
const NONE = { callsToNumberToday: 0, spentToday: 0 };
const ROME = '+390612345678';

describe('the dialling policy', () => {
  const app = useApp();
  let tenant: Tenant;

  beforeEach(async () => {
    tenant = await app.tenant();
  });

  const ask = (method: string, body?: unknown, key = tenant.key) =>
    app.request(method, '/v1/dialling-policy', { key, ...(body === undefined ? {} : { body }) });
  const patch = async (changes: object) => {
    const { status, body } = await ask('PATCH', changes);
    expect([status, body.error]).toEqual([200, undefined]);
    return body.data;
  };
  const expectRefused = ({ status, body }: Answer, ...fields: string[]) => {
    expect([status, body.error?.code]).toEqual([400, 'validation_error']);
    expect(Object.keys(body.error.details)).toEqual(fields);
  };
  const expectScope = async (method: string, body?: unknown) => {
    expect((await ask(method, body, 'rpl_test_x')).status).toBe(401);
    const key = await app.key(tenant.organizationId, { scopes: ['calls:write'] });
    const answer = await ask(method, body, key);
    expect([answer.status, answer.body.error.code]).toEqual([403, 'insufficient_scope']);
  };

  describe('GET /v1/dialling-policy', () => {
    it('200 has the defaults without a policy', async () => {
      const { status, body } = await ask('GET');
      expect(status).toBe(200);
      expect(body).toEqual({ data: DEFAULTS, requestId: expect.stringMatching(/^req-/) });
    });

    it('401 without a key, 403 without the scope', () => expectScope('GET'));
  });

  describe('PATCH /v1/dialling-policy', () => {
    it('200 sets all fields', async () => {
      expect(await patch(ALL)).toEqual({ ...ALL, updatedAt: TIME });
      expect((await ask('GET')).body.data).toEqual({ ...ALL, updatedAt: TIME });
    });

    it('200 changes the given fields only, also the first time', async () => {
      expect(await patch({ maxSpendPerDay: 5 })).toEqual({ ...DEFAULTS, maxSpendPerDay: 5, updatedAt: TIME });
      expect(await patch({ allowPremium: true })).toMatchObject({ maxSpendPerDay: 5, allowPremium: true });
    });

    it('200 removes limits and hours with null, and ignores other nulls', async () => {
      await patch(ALL);
      const nulls = Object.fromEntries(Object.keys(ALL).map((name) => [name, null]));
      const emptied = { maxSpendPerDay: null, maxCallsPerNumberPerDay: null, callingHours: null };
      expect(await patch(nulls)).toEqual({ ...ALL, ...emptied, updatedAt: TIME });
    });

    it('200 without changes', async () => {
      for (const nothing of [{}, { unknown: 1 }, undefined])
        expect((await ask('PATCH', nothing)).body.data).toEqual(DEFAULTS);
    });

    it('200 stores each prefix once, and the known fields of calling hours', async () => {
      const changes = { allowedPrefixes: ['+39', '+44', '+39'], callingHours: { ...OFFICE, zone: 'x' } };
      expect(await patch(changes)).toMatchObject({ allowedPrefixes: ['+39', '+44'], callingHours: OFFICE });
      expect(await patch({ allowedPrefixes: [] })).toMatchObject({ allowedPrefixes: [] });
    });

    it('200 for many concurrent first changes, without losing any', async () => {
      const changes = Object.entries(ALL).map(([name, value]) => ({ [name]: value }));
      const answers = await Promise.all(changes.map((each) => ask('PATCH', each)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect((await ask('GET')).body.data).toEqual({ ...ALL, updatedAt: TIME });
    });

    it("200 does not change another organization's policy", async () => {
      const stranger = await app.tenant();
      await patch(ALL);
      expect((await ask('GET', undefined, stranger.key)).body.data).toEqual(DEFAULTS);
    });

    const tooMany = Array.from({ length: 501 }, (_, n) => `+${n}`);
    it.each<[string, unknown]>([
      ...[['39'], ['+'], ['+39 '], ['+3a'], ['+1234567890123456'], [39], [null], '+39', {}, tooMany].flatMap(
        (value): [string, unknown][] => [
          ['allowedPrefixes', value],
          ['refusedPrefixes', value],
        ],
      ),
      ...['allowPremium', 'allowSatellite', 'allowUnknownTimeZone'].map((name): [string, unknown] => [name, 'yes']),
      ...[-0.01, 1_000_000_001, '5', [], true].map((value): [string, unknown] => ['maxSpendPerDay', value]),
      ...[0, -1, 1.5, '3', 1_000_001].map((value): [string, unknown] => ['maxCallsPerNumberPerDay', value]),
      ...['09:00', [], 1].map((value): [string, unknown] => ['callingHours', value]),
    ])('400 names the invalid field: %s', async (name, value) => {
      expectRefused(await ask('PATCH', { [name]: value }), name);
      expect((await ask('GET')).body.data).toEqual(DEFAULTS);
    });

    it('400 names the invalid parts of the calling hours', async () => {
      expectRefused(
        await ask('PATCH', { callingHours: {} }),
        'callingHours.start',
        'callingHours.end',
        'callingHours.days',
      );
      expectRefused(await ask('PATCH', { callingHours: { ...OFFICE, end: '25:00' } }), 'callingHours.end');
    });

    it('401 without a key, 403 without the scope', () => expectScope('PATCH', { allowPremium: true }));
  });

  describe('check', () => {
    const check = (to = ROME, now = NOON, counts = NONE, organizationId = tenant.organizationId) =>
      app.nest.get(DiallingPolicyService).check(organizationId, to, now, counts);
    const ruleOf = async (...given: Parameters<typeof check>) => (await check(...given)).rule;
    const suppress = (fields: object = {}) =>
      app.nest.get(SuppressionsService).add(tenant.organizationId, { phoneNumber: ROME, ...fields });

    it('allows ordinary numbers by default, the example of the contract among them', async () => {
      for (const to of [ROME, '+12125550123', '+1234567890', '+0987654321']) expect(await ruleOf(to)).toBeNull();
    });

    it('refuses premium and satellite numbers by default', async () => {
      expect(await ruleOf('+39899123456')).toBe('premium');
      expect(await ruleOf('+8816123456789')).toBe('satellite');
      await patch({ allowPremium: true, allowSatellite: true });
      expect(await ruleOf('+39899123456')).toBeNull();
      expect(await ruleOf('+8816123456789')).toBeNull();
    });

    it('refuses a suppressed number of this organization until it expires', async () => {
      const { expiresAt } = await suppress({ expiresAt: new Date(NOON.getTime() + 60_000) });
      expect(await ruleOf()).toBe('suppression');
      expect(await ruleOf('+390612345679')).toBeNull();
      expect(await ruleOf(ROME, expiresAt!)).toBeNull();
      expect(await ruleOf(ROME, NOON, NONE, (await app.tenant()).organizationId)).toBeNull();
      await suppress();
      expect(await ruleOf(ROME, new Date('2999-01-01'))).toBe('suppression');
    });

    it('refuses a suppressed or refused number in every spelling', async () => {
      const ways = ['+442079460123', '+4402079460123'];
      for (const phoneNumber of ways) {
        tenant = await app.tenant();
        await suppress({ phoneNumber });
        for (const to of ways) expect(await ruleOf(to)).toBe('suppression');
      }
      tenant = await app.tenant();
      await patch({ refusedPrefixes: ['+4420'] });
      for (const to of ways) expect(await ruleOf(to)).toBe('refused_prefixes');
    });

    it('refuses a suppressed number with a policy too', async () => {
      await patch(ALL);
      expect(await ruleOf()).toBeNull();
      await suppress();
      expect(await ruleOf()).toBe('suppression');
    });

    it('follows the stored policy', async () => {
      await patch({ ...ALL, allowUnknownTimeZone: false });
      expect(await ruleOf('+4420794601')).toBe('allowed_prefixes');
      expect(await ruleOf('+39199123')).toBe('refused_prefixes');
      expect(await ruleOf(ROME, NOON, { callsToNumberToday: 3, spentToday: 0 })).toBe('calls_per_number');
      expect(await ruleOf(ROME, NOON, { callsToNumberToday: 2, spentToday: 12.5 })).toBe('spend_per_day');
      expect(await ruleOf(ROME, new Date('2026-07-06T16:00:00Z'))).toBe('calling_hours');
      expect(await ruleOf('+14155550123')).toBe('calling_hours');
      expect(await ruleOf('+14155550123', new Date('2026-07-06T17:00:00Z'))).toBeNull();
      expect(await ruleOf('+391')).toBe('time_zone');
    });

    it('refuses when the stored policy cannot be read', async () => {
      await patch({ callingHours: OFFICE });
      for (const hours of ['{}', '"09:00"', '{"start":"09:00","end":"18:00"}', '[]', '1']) {
        await app.db.database.query('update dialling_policies set calling_hours = $1 where organization_id = $2', [
          hours,
          tenant.organizationId,
        ]);
        expect(await check()).toMatchObject({ allowed: false, rule: 'policy_unreadable' });
      }
    });

    it('throws when the database fails', async () => {
      await expect(check(ROME, NOON, NONE, 'no organization')).rejects.toThrow();
    });
  });
});
