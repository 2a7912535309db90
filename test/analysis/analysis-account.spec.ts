import { OutboundHttp } from '../../src/lib/platform/http-client/outbound-http.js';
import { AssessmentBench, NO_RATES } from './analysis-harness.js';

const FOUND = { summary: 'They agreed on eleven.', sentiment: 'positive', callSuccessful: true };
const UNKNOWN = { summary: null, sentiment: null, callSuccessful: null, analysis: null };
const SAYS = ['Shall we say eleven?', 'Eleven is fine.'];
const LIVE = { environment: 'live', says: SAYS } as const;

describe('A call of an agent that names an account', () => {
  let bench: AssessmentBench;

  beforeAll(async () => {
    bench = await AssessmentBench.open([{ when: /./, say: JSON.stringify({ ...FOUND, analysis: null }) }]);
  });
  afterEach(() => bench.clear());
  afterAll(() => bench.close());

  const named = async (fields: Parameters<AssessmentBench['account']>[0] = {}) => {
    const providerId = await bench.account(fields);
    await bench.agent({ providers: { model: { providerId, model: 'own' } } });
    return providerId;
  };
  /** Who was asked, and with which key. */
  const asked = () =>
    bench.lab.requests.map(({ headers, body }) => [JSON.parse(body.toString()).model, headers.authorization]);
  const assessed = async (options: Parameters<AssessmentBench['assessor']>[0] = {}) => {
    await bench.tell();
    await bench.settled(bench.assessor(options));
  };

  it.each([
    ['with a model in the settings', {}],
    ['without one, and without rates', { model: undefined, rates: NO_RATES }],
  ])('is assessed by it, %s', async (_, options) => {
    await named();
    const id = await bench.over(LIVE);
    await assessed(options);
    expect(await bench.get(id, 'live')).toMatchObject(FOUND);
    expect(asked()).toEqual([['own', 'Bearer theirs']]);
  });

  it('is assessed by the account of its version, whatever the agent names by now', async () => {
    await named();
    const { version } = await bench.agentNow();
    await bench.agent({ providers: null });
    await bench.over({ ...LIVE, agentVersion: version });
    await assessed();
    expect(asked()).toEqual([['own', 'Bearer theirs']]);
  });

  it('is assessed by it although the account of another stage, or of its fallback, is gone', async () => {
    const [providerId, gone] = [await bench.account(), await bench.account()];
    const fallback = { providerId: gone };
    await bench.agent({ providers: { model: { providerId, fallback }, speech: { providerId: gone } } });
    await bench.removeAccount(gone);
    await bench.over(LIVE);
    await assessed();
    expect(asked()).toEqual([[expect.any(String), 'Bearer theirs']]);
  });

  it('is assessed by the model of the settings when the account is gone', async () => {
    await bench.removeAccount(await named());
    const id = await bench.over(LIVE);
    await assessed();
    expect(await bench.get(id, 'live')).toMatchObject(FOUND);
    expect(asked()).toEqual([['lab', undefined]]);
  });

  it.each([
    ['with other accounts', () => bench.account()],
    ['with none', () => Promise.resolve()],
  ])('is assessed by nobody when the account is gone and the settings have no model: %s', async (_, more) => {
    await bench.removeAccount(await named());
    await more();
    const id = await bench.over(LIVE);
    await assessed({ model: undefined });
    expect(await bench.get(id, 'live')).toMatchObject({ ...UNKNOWN, costs: { telephony: 0.02 } });
    expect(asked()).toEqual([]);
  });

  it('in test mode, is assessed by the model of the settings, or by nobody', async () => {
    await named();
    const id = await bench.over({ says: SAYS });
    await assessed({ model: undefined });
    expect(asked()).toEqual([]);
    await bench.jobs.add([id], 0);
    await assessed();
    expect(asked()).toEqual([['lab', undefined]]);
  });

  it('is not assessed by an account that leads to a private address, and is costed', async () => {
    await named();
    const { guard } = new OutboundHttp({ allowNetworks: [], httpsOnly: false });
    const id = await bench.over(LIVE);
    await assessed({ guard });
    expect(await bench.get(id, 'live')).toMatchObject({ ...UNKNOWN, costs: { telephony: 0.02 } });
    expect(asked()).toEqual([]);
  });

  it('is not assessed by an account that is no model, and is costed', async () => {
    await named({ kind: 'deepgram' });
    const id = await bench.over(LIVE);
    await assessed();
    expect(await bench.get(id, 'live')).toMatchObject({ ...UNKNOWN, costs: { telephony: 0.02 } });
    expect(asked()).toEqual([]);
  });
});
