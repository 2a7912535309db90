import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { FakeVendors } from '../fakes/fake-vendors.js';
import { TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { HttpDouble } from '../support/http-double.js';
import { eventually } from '../support/process.js';
import { OUTBOUND } from './webhooks-harness.js';

const FOUND = { summary: 'Said hello.', sentiment: 'neutral', callSuccessful: true };

describe('A worker', () => {
  let db: TestDatabase;
  let lab: FakeVendors;
  let app: TestApp;
  let tenant: Tenant;
  let receiver: HttpDouble;

  beforeAll(async () => {
    db = await openTestDatabase();
    lab = await FakeVendors.start({ rules: [{ when: /./, say: JSON.stringify(FOUND) }] });
    receiver = await HttpDouble.start();
    const provider = { kind: 'openai', baseUrl: lab.url, model: 'lab' };
    app = await TestApp.start(db.url, {
      roles: ['api', 'worker'],
      simulatorSpeed: 1_000,
      encryptionKey: randomBytes(32),
      outbound: OUTBOUND,
      providers: { transcription: provider, model: provider, speech: provider },
    });
    tenant = await app.tenant();
  });

  afterAll(async () => {
    await app.close();
    await receiver.close();
    await lab.close();
    await db.close();
  });

  it('tells of calls of its own accord, their end with transcript and assessment', async () => {
    const body = { url: receiver.url, events: ['call.queued', 'call.ended', 'call.analyzed'] };
    const { data } = (await app.request('POST', '/v1/webhooks', { key: tenant.key, body })).body;
    const callId = await app.createCall(tenant);
    await eventually('three events told', () => Promise.resolve(receiver.asked.length >= 3 || undefined));
    const told = receiver.asked.map((asked): any =>
      new Webhook(data.secret).verify(asked.body.toString(), asked.headers as never),
    );
    expect(told.map(({ event }) => event).toSorted()).toEqual(['call.analyzed', 'call.ended', 'call.queued']);
    const ended = told.find(({ event }) => event === 'call.ended');
    expect(ended.data).toMatchObject({ callId, status: 'completed', ...FOUND });
    expect(ended.data.transcript).toMatch(/^Agent: /);
  });

  it('delivers what an API asks for', async () => {
    const { data } = (await app.request('POST', '/v1/webhooks', { key: tenant.key, body: { url: receiver.url } })).body;
    const test = await app.request('POST', `/v1/webhooks/${data.id}/test`, { key: tenant.key });
    const path = `/v1/webhooks/${data.id}/deliveries/${test.body.data.id}`;
    await eventually('delivered', async () => {
      const { body } = await app.request('GET', path, { key: tenant.key });
      return body.data.status === 'delivered' ? true : undefined;
    });
  });
});
