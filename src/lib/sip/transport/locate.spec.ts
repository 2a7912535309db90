import { canReach, locate, type SipResolver } from './locate.js';

const SRV = [
  { name: 'heavy.test', port: 5070, priority: 10, weight: 90 },
  { name: 'light.test', port: 5071, priority: 10, weight: 10 },
  { name: 'spare.test', port: 5072, priority: 20, weight: 0 },
];
const ADDRESSES: Record<string, string[]> = {
  'heavy.test': ['10.0.0.1', '2001:db8::1'],
  'light.test': ['10.0.0.2'],
  'spare.test': ['10.0.0.3'],
  'plain.test': ['10.0.0.9'],
};

function resolver(records: Record<string, typeof SRV> = {}): { asked: string[]; resolver: SipResolver } {
  const asked: string[] = [];
  return {
    asked,
    resolver: {
      srv: (name) => {
        asked.push(name);
        return Promise.resolve(records[name] ?? []);
      },
      addresses: (name) =>
        name in ADDRESSES ? Promise.resolve(ADDRESSES[name] ?? []) : Promise.reject(new Error(name)),
    },
  };
}

const places = async (...args: Parameters<typeof locate>): Promise<string[]> =>
  (await locate(...args)).map(({ address, port }) => `${address} ${port}`);

describe('a target', () => {
  it.each([
    [{ host: '10.0.0.1', port: undefined, transport: 'udp' }, ['10.0.0.1 5060']],
    [{ host: '[2001:db8::1]', port: 5080, transport: 'tcp' }, ['2001:db8::1 5080']],
    [{ host: '10.0.0.1', port: undefined, transport: 'tls' }, ['10.0.0.1 5061']],
    [{ host: 'plain.test', port: 5080, transport: 'udp' }, ['10.0.0.9 5080']],
  ] as const)('%j needs no SRV', async (target, expected) => {
    const dns = resolver();
    expect(await places(target, dns.resolver)).toEqual(expected);
    expect(dns.asked).toEqual([]);
  });

  it.each([
    ['udp', '_sip._udp.carrier.test'],
    ['tcp', '_sip._tcp.carrier.test'],
    ['tls', '_sips._tcp.carrier.test'],
  ] as const)('over %s asks for %s', async (transport, name) => {
    const dns = resolver({ [name]: SRV });
    const hops = await locate({ host: 'carrier.test', port: undefined, transport }, dns.resolver, () => 0.5);
    expect(dns.asked).toEqual([name]);
    expect(hops[0]).toEqual({ transport, address: '10.0.0.1', port: 5070, host: 'carrier.test' });
  });

  it('is tried by priority, drawn by weight', async () => {
    const dns = resolver({ '_sip._udp.carrier.test': SRV });
    const target = { host: 'carrier.test', port: undefined, transport: 'udp' } as const;
    const heavy = ['10.0.0.1 5070', '2001:db8::1 5070'];
    expect(await places(target, dns.resolver, () => 0.5)).toEqual([...heavy, '10.0.0.2 5071', '10.0.0.3 5072']);
    expect(await places(target, dns.resolver, () => 0.05)).toEqual(['10.0.0.2 5071', ...heavy, '10.0.0.3 5072']);
  });

  it('without SRV is looked up itself', async () => {
    const target = { host: 'plain.test', port: undefined, transport: 'udp' } as const;
    expect(await places(target, resolver().resolver)).toEqual(['10.0.0.9 5060']);
  });

  it('may be nowhere', async () => {
    const target = { host: 'gone.test', port: undefined, transport: 'udp' } as const;
    expect(await places(target, resolver().resolver)).toEqual([]);
    const none = resolver({ '_sip._udp.gone.test': [{ name: '.', port: 0, priority: 0, weight: 0 }] });
    expect(await places({ ...target }, none.resolver)).toEqual([]);
  });
});

it('sockets reach addresses of their family', () => {
  expect([canReach('0.0.0.0', '10.0.0.1'), canReach('0.0.0.0', '::1'), canReach('::1', '::2')]).toEqual([
    true,
    false,
    true,
  ]);
  expect([canReach('::', '10.0.0.1'), canReach('127.0.0.1', '::1')]).toEqual([true, false]);
});
