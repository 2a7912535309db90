import { FakeVendors } from '../fakes/fake-vendors.js';
import { TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/process.js';
import { RATES } from './analysis-harness.js';

const FOUND = { summary: 'Said hello.', sentiment: 'neutral', callSuccessful: true };
const SCHEMA = {
  type: 'object',
  properties: { topics: { type: 'array', items: { type: 'string' } }, greeted: { type: 'boolean' } },
  required: ['greeted'],
};

describe('A worker', () => {
  let db: TestDatabase;
  let lab: FakeVendors;
  let app: TestApp;
  let tenant: Tenant;

  beforeAll(async () => {
    db = await openTestDatabase();
    lab = await FakeVendors.start({
      rules: [{ when: /./, say: JSON.stringify({ ...FOUND, analysis: { greeted: true, topics: ['hello'] } }) }],
    });
    const provider = { kind: 'openai', baseUrl: lab.url, model: 'lab' };
    app = await TestApp.start(db.url, {
      roles: ['api', 'worker'],
      simulatorSpeed: 1_000,
      providers: { transcription: provider, model: provider, speech: provider },
      rates: RATES,
    });
    tenant = await app.tenant();
  });

  afterAll(async () => {
    await app.close();
    await lab.close();
    await db.close();
  });

  it('assesses and costs calls of its own accord when they are over', async () => {
    const { key, agentId } = tenant;
    const changed = await app.request('PATCH', `/v1/agents/${agentId}`, { key, body: { analysisSchema: SCHEMA } });
    expect(changed.status).toBe(200);
    const id = await app.createCall(tenant);
    const call = await eventually('assessed and costed', async () => {
      const { data } = (await app.request('GET', `/v1/calls/${id}`, { key })).body;
      return data.costs === null ? undefined : data;
    });
    expect(call).toMatchObject({
      ...{ status: 'completed', ...FOUND, analysis: { greeted: true, topics: ['hello'] }, tokenCost: null },
      costs: { currency: 'USD', telephony: null, model: null },
    });
    expect(call.costs.total).toBe(call.costs.analysis);
    const { transcript } = JSON.parse(JSON.parse(lab.requests[0]!.body.toString()).messages[1].content);
    expect(transcript.length).toBeGreaterThan(0);
  });
});
