import { randomBytes, randomUUID } from 'node:crypto';
import { parseSipCarrier } from '../../src/carriers/sip-carrier-setting.js';
import { CarriersForCalls } from '../../src/carriers/carriers-for-calls.js';
import { CarriersService } from '../../src/carriers/carriers.service.js';
import { PhoneNumbersService } from '../../src/carriers/phone-numbers.service.js';
import { TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

const sipCarrier = parseSipCarrier('sip:default:secret@sip.example.com')!;
const target = { host: 'sip.example.com', port: 5060, transport: 'udp' as const };

describe('carriers for calls', () => {
  let db: TestDatabase;
  let app: TestApp;
  /** The same with a default carrier in its settings. */
  let withDefault: TestApp;
  let tenant: Tenant;
  let stranger: Tenant;
  let lastNumber = 390655500000;
  const encryptionKey = randomBytes(32);

  beforeAll(async () => {
    db = await openTestDatabase();
    app = await TestApp.start(db.url, { encryptionKey });
    withDefault = await TestApp.start(db.url, { encryptionKey, sipCarrier });
    [tenant, stranger] = [await app.tenant(), await app.tenant()];
  });

  afterAll(async () => {
    await app.close();
    await withDefault.close();
    await db.close();
  });

  const carriersOf = (on: TestApp) => on.nest.get(CarriersForCalls);
  const create = (fields: object = {}) =>
    app.nest.get(CarriersService).create(tenant.organizationId, { name: 'Acme', targets: [target], ...fields });
  const addNumber = async (carrierId: string | null = null) => {
    const phoneNumber = `+${++lastNumber}`;
    await app.nest.get(PhoneNumbersService).add(tenant.organizationId, { phoneNumber, carrierId });
    return phoneNumber;
  };
  /** What each way to ask says of a number. */
  const knownOf = async (on: TestApp, number: string, organizationId = tenant.organizationId) => ({
    for: (await carriersOf(on).carrierFor(organizationId, number))?.id,
    has: await carriersOf(on).hasCarrier(organizationId, number),
    lookUp: await on.nest.get(PhoneNumbersService).lookUp(organizationId, number),
  });

  it('finds the carrier of a number, with the password in the clear', async () => {
    const credentials = { username: 'acme', password: 'hunter2', authRealm: 'example.com' };
    const { id } = await create({ ...credentials, codecs: ['PCMA'], maxChannels: 2, fromDomain: 'a.example.com' });
    const expected = {
      kind: 'sip',
      ...{ id, name: 'Acme', targets: [target], codecs: ['PCMA'], srtp: 'off', callerIdFormat: 'e164' },
      ...{ numberFormat: 'e164', fromDomain: 'a.example.com', callsPerSecond: null, maxChannels: 2 },
      ...{ registration: false, verifyTls: true },
      credentials: { username: 'acme', password: 'hunter2', realm: 'example.com' },
    };
    expect(await carriersOf(app).carrierFor(tenant.organizationId, await addNumber(id))).toEqual(expected);
    expect(await carriersOf(app).find(tenant.organizationId, id)).toEqual(expected);
    expect(app.nest.get(CarriersService).forCalls).toBe(carriersOf(app));
  });

  it('has no credentials where there are none', async () => {
    expect(await carriersOf(app).find(tenant.organizationId, (await create()).id)).not.toHaveProperty('credentials');
  });

  it('a number has its own carrier, and that of the settings without one', async () => {
    const { id } = await create();
    const [own, none] = [await addNumber(id), await addNumber()];
    for (const on of [app, withDefault])
      expect(await knownOf(on, own)).toEqual({ for: id, has: true, lookUp: { carrierId: id } });
    expect(await knownOf(app, none)).toEqual({ for: undefined, has: false, lookUp: { carrierId: null } });
    const byDefault = { for: 'default', has: true, lookUp: { carrierId: 'default' } };
    expect(await knownOf(withDefault, none)).toEqual(byDefault);
  });

  it('an inactive carrier counts as none', async () => {
    const { id } = await create({ isActive: false });
    const number = await addNumber(id);
    expect(await carriersOf(app).find(tenant.organizationId, id)).toBeUndefined();
    expect(await knownOf(app, number)).toEqual({ for: undefined, has: false, lookUp: { carrierId: null } });
    expect((await knownOf(withDefault, number)).for).toBe('default');
  });

  it('the default carrier is found by its name', async () => {
    expect(await carriersOf(withDefault).find(tenant.organizationId, 'default')).toEqual(sipCarrier);
    expect(await carriersOf(app).find(tenant.organizationId, 'default')).toBeUndefined();
  });

  it('another organization has neither the carrier nor the number', async () => {
    const { id } = await create();
    const number = await addNumber(id);
    expect(await carriersOf(app).find(stranger.organizationId, id)).toBeUndefined();
    const nothing = { for: undefined, has: false, lookUp: undefined };
    expect(await knownOf(app, number, stranger.organizationId)).toEqual(nothing);
    expect((await knownOf(withDefault, number, stranger.organizationId)).lookUp).toBeUndefined();
  });

  it.each([randomUUID(), 'x', ''])('there is no carrier %j', async (id) => {
    expect(await carriersOf(app).find(tenant.organizationId, id)).toBeUndefined();
  });

  it('many numbers at once are each told their own', async () => {
    const { id } = await create();
    const numbers = [await addNumber(id), await addNumber(), '+390000000', await addNumber(id)];
    const service = app.nest.get(PhoneNumbersService);
    const found = await Promise.all(numbers.map((number) => service.lookUp(tenant.organizationId, number)));
    expect(found).toEqual([{ carrierId: id }, { carrierId: null }, undefined, { carrierId: id }]);
    expect(await service.owns(tenant.organizationId, numbers[0]!)).toBe(true);
    expect(await service.owns(tenant.organizationId, numbers[2]!)).toBe(false);
  });

  it('says which carrier cannot be used when the key is another one, and the API goes on', async () => {
    const { id } = await create({ username: 'acme', password: 'hunter2' });
    const number = await addNumber(id);
    const other = await TestApp.start(db.url, { encryptionKey: randomBytes(32) });
    try {
      const message = `The password of the carrier Acme (${id}) cannot be read: ENCRYPTION_KEY is not the key`;
      await expect(carriersOf(other).carrierFor(tenant.organizationId, number)).rejects.toThrow(message);
      await expect(carriersOf(other).find(tenant.organizationId, id)).rejects.toThrow(message);
      expect(await carriersOf(other).hasCarrier(tenant.organizationId, number)).toBe(true);
      const path = `/v1/carriers/${id}`;
      const { body } = await other.request('GET', path, { key: tenant.key });
      expect(body.data.hasPassword).toBe(true);
      // Giving the password again is the way out.
      await other.request('PATCH', path, { key: tenant.key, body: { password: 'again' } });
      const carrier = await carriersOf(other).find(tenant.organizationId, id);
      expect(carrier).toMatchObject({ credentials: { password: 'again' } });
    } finally {
      await other.close();
    }
  });

  it('a sealed password is of no use in another row', async () => {
    const [from, to] = [await create({ username: 'a', password: 'p' }), await create({ username: 'b', password: 'q' })];
    await db.database.query(
      'update carriers set sealed_password = (select sealed_password from carriers where id = $1) where id = $2',
      [from.id, to.id],
    );
    await expect(carriersOf(app).find(tenant.organizationId, to.id)).rejects.toThrow('cannot be read');
  });
});
