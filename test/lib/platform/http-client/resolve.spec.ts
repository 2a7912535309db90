import { OutboundHttp } from '../../../../src/lib/platform/http-client/outbound-http.js';
import { resolveByDns } from '../../../../src/lib/platform/http-client/resolve.js';
import { watchConnectionAttempts } from './connection-attempts.js';
import { startNameServer } from './name-server.js';

describe('names are resolved by the name servers', () => {
  let server: Awaited<ReturnType<typeof startNameServer>>;

  beforeAll(async () => {
    server = await startNameServer({
      'both.example.com': ['93.184.216.34', '93.184.216.35', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'],
      'old.example.com': ['93.184.216.34'],
      'new.example.com': ['2606:2800:21f:cb07:6820:80da:af6b:8b2c'],
      'empty.example.com': [],
      'silent.example.com': 'silent',
      'inside.example.com': ['93.184.216.34', '10.0.0.1'],
      'loopback.example.com': ['0:0:0:0:0:0:0:1'],
    });
  });
  afterAll(() => {
    server.close();
  });

  const resolve = (name: string) => resolveByDns([server.address])(name);

  it('to all of their addresses, of both kinds', async () => {
    expect(await resolve('both.example.com')).toEqual([
      { address: '93.184.216.34', family: 4 },
      { address: '93.184.216.35', family: 4 },
      { address: '2606:2800:21f:cb07:6820:80da:af6b:8b2c', family: 6 },
    ]);
  });

  it.each([
    ['old.example.com', 4],
    ['new.example.com', 6],
  ])('%s has one kind only', async (name, family) => {
    expect(await resolve(name)).toMatchObject([{ family }]);
  });

  it.each([
    ['missing.example.com', 'ENOTFOUND'],
    ['empty.example.com', 'ENODATA'],
  ])('%s has none: %s', async (name, code) => {
    await expect(resolve(name)).rejects.toMatchObject({ code });
  });

  describe('and asked about by requests', () => {
    const ask = async (name: string, timeoutMs = 10_000) => {
      const http = new OutboundHttp({ allowNetworks: [], httpsOnly: false, resolve: resolveByDns([server.address]) });
      const watch = watchConnectionAttempts();
      try {
        return await http
          .request({ method: 'GET', url: `http://${name}/`, timeoutMs, maxBytes: 10 })
          .then(() => 'answered')
          .catch((error: unknown) => (error as Error).message);
      } finally {
        expect(watch.attempts).toEqual([]);
        watch.stop();
        http.close();
      }
    };

    it.each([
      ['inside.example.com', /not a public address/],
      ['loopback.example.com', /not a public address/],
      ['missing.example.com', /^The host name has no address$/],
      ['empty.example.com', /^The host name has no address$/],
    ])('%s: %s', async (name, message) => {
      expect(await ask(name)).toMatch(message);
    });

    it('that get no answer end in time', async () => {
      expect(await ask('silent.example.com', 200)).toBe('No answer within 0.2 seconds');
    });
  });
});
