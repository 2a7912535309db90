import { OutboundHttp, type OutboundOptions } from '../../../src/lib/platform/http-client/outbound-http.js';
import { parseNetwork } from '../../../src/lib/platform/http-client/network.js';
import { FakeVendors } from '../../fakes/fake-vendors.js';
import { ASKS, failureOf, STAGES } from './asks.js';

const LOOPBACK = ['127.0.0.0/8', '::1'].map((text) => parseNetwork(text)!);
/** A host name that looks public. */
const NAME = 'provider.example.com';

const guardOf = (options: Partial<OutboundOptions> = {}) =>
  new OutboundHttp({ allowNetworks: [], httpsOnly: false, ...options }).guard;
const resolve = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
const asPublicToo = () =>
  Promise.resolve([{ address: '93.184.215.14', family: 4 }, ...[{ address: '127.0.0.1', family: 4 }]]);

describe.each(STAGES)('%s of an account', (stage) => {
  let vendors: FakeVendors;

  beforeEach(async () => {
    vendors = await FakeVendors.start();
  });

  afterEach(() => vendors.close());

  const at = (host: string) => vendors.url.replace('127.0.0.1', host);
  const ask = (baseUrl: string, options: Partial<OutboundOptions> = {}) =>
    // In a promise, as a provider that cannot be created throws at once.
    Promise.resolve().then(() => ASKS[stage]({ baseUrl, apiKey: 'key-1', guard: guardOf(options) }));

  it.each([
    ['127.0.0.1', {}],
    ['2130706433', {}],
    ['[::ffff:127.0.0.1]', {}],
    ['localhost', {}],
    [NAME, { resolve }],
    [NAME, { resolve: asPublicToo }],
    ['localhost', { resolve, allowNetworks: [parseNetwork('10.0.0.0/8')!] }],
  ])('does not connect to %s, a private address', async (host, options) => {
    const failure = await failureOf(ask(at(host), options));
    expect(failure.fault).toBe('refused');
    expect(failure.message).toContain('The host is not a public address');
    expect(vendors.connections).toBe(0);
  });

  it('does not connect without TLS where TLS is required', async () => {
    const failure = await failureOf(ask(at('127.0.0.1'), { allowNetworks: LOOPBACK, httpsOnly: true }));
    expect(failure.message).toContain('https://');
    expect(vendors.connections).toBe(0);
  });

  it.each([
    ['127.0.0.1', {}],
    ['localhost', {}],
    [NAME, { resolve }],
  ])('works at %s where its network is allowed', async (host, options) => {
    await expect(ask(at(host), { allowNetworks: LOOPBACK, ...options })).resolves.toBeDefined();
    expect(vendors.requests).toHaveLength(1);
  });

  it('does not use open connections of other guards', async () => {
    const host = at('localhost');
    await ASKS[stage]({ baseUrl: host, apiKey: 'key-1' });
    await ask(host, { allowNetworks: LOOPBACK });
    const { connections } = vendors;
    const failure = await failureOf(ask(host, { resolve, allowNetworks: [parseNetwork('10.0.0.0/8')!] }));
    expect(failure.fault).toBe('refused');
    expect([vendors.connections, vendors.requests.length]).toEqual([connections, 2]);
  });

  it('connects to any address without a guard, as the settings of the operator do', async () => {
    await expect(ASKS[stage]({ baseUrl: vendors.url, apiKey: 'key-1' })).resolves.toBeDefined();
  });
});

it('guarded requests share connections with requests of the same guard only', async () => {
  const vendors = await FakeVendors.start();
  try {
    const [one, other] = [guardOf({ allowNetworks: LOOPBACK }), guardOf({ allowNetworks: LOOPBACK })];
    for (const guard of [undefined, undefined, one, one, other, other, undefined])
      await ASKS.transcription({ baseUrl: vendors.url, ...(guard && { guard }) });
    expect(vendors.requests).toHaveLength(7);
    expect(vendors.connections).toBe(3);
  } finally {
    await vendors.close();
  }
});
