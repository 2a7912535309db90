import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { OutboundHttp } from '../../../../src/lib/platform/http-client/outbound-http.js';
import { OutboundRefused } from '../../../../src/lib/platform/http-client/outbound-errors.js';
import { parseNetwork } from '../../../../src/lib/platform/http-client/network.js';
import { watchConnectionAttempts } from './connection-attempts.js';
import { HOSTILE_ANSWERS, HOSTILE_URLS } from './hostile-addresses.js';

const PUBLIC = '93.184.216.34';

/** Listens on every address of this machine, IPv4 and IPv6. */
let listener: Server;
let port: number;
let heard = 0;
let watch: ReturnType<typeof watchConnectionAttempts>;
const opened: OutboundHttp[] = [];

beforeAll(async () => {
  listener = createServer((socket) => {
    heard += 1;
    socket.destroy();
  }).listen(0);
  await once(listener, 'listening');
  ({ port } = listener.address() as AddressInfo);
});

beforeEach(() => {
  heard = 0;
  watch = watchConnectionAttempts();
});

afterEach(() => {
  watch.stop();
  opened.splice(0).forEach((http) => {
    http.close();
  });
});

afterAll(() => {
  listener.close();
});

const address = (text: string) => ({ address: text, family: text.includes(':') ? 6 : 4 });

function outbound(answers: readonly string[], allowed: string[] = []): OutboundHttp {
  const http = new OutboundHttp({
    allowNetworks: allowed.map((text) => parseNetwork(text)!),
    httpsOnly: false,
    resolve: () => Promise.resolve(answers.map(address)),
  });
  opened.push(http);
  return http;
}

const ask = (http: OutboundHttp, url: string) =>
  http.request({ method: 'POST', url, body: '{}', timeoutMs: 5_000, maxBytes: 100 });

it('has at least 200 hostile addresses, each once', () => {
  expect(HOSTILE_URLS.length).toBeGreaterThanOrEqual(200);
  expect(new Set(HOSTILE_URLS).size).toBe(HOSTILE_URLS.length);
});

describe('refused as written, whatever the name servers say', () => {
  it.each(HOSTILE_URLS.map((url) => [url]))('%j', async (url) => {
    const refused = ask(outbound([PUBLIC]), url.replaceAll('PORT', String(port)));
    await expect(refused).rejects.toBeInstanceOf(OutboundRefused);
    expect(watch.attempts).toEqual([]);
    expect(heard).toBe(0);
  });
});

describe('a name is refused that resolves to', () => {
  it.each(HOSTILE_ANSWERS.map((answers) => [answers.join(' and '), answers]))('%s', async (_, answers) => {
    const refused = ask(outbound(answers), `http://hook.example.com:${port}/`);
    await expect(refused).rejects.toBeInstanceOf(OutboundRefused);
    await expect(refused).rejects.toThrow('PRIVATE_NETWORKS');
    expect(watch.attempts).toEqual([]);
    expect(heard).toBe(0);
  });
});

describe('names that change their meaning', () => {
  it('are refused when a later answer is private', async () => {
    const answers = [['127.0.0.2'], ['127.0.0.1']];
    const http = new OutboundHttp({
      allowNetworks: [parseNetwork('127.0.0.2')!],
      httpsOnly: false,
      resolve: () => Promise.resolve((answers.shift() ?? []).map(address)),
    });
    opened.push(http);
    await expect(ask(http, `http://hook.example.com:${port}/`)).rejects.not.toBeInstanceOf(OutboundRefused);
    await expect(ask(http, `http://hook.example.com:${port}/`)).rejects.toBeInstanceOf(OutboundRefused);
    expect(watch.attempts).toEqual([`127.0.0.2 ${port}`]);
  });

  it('are resolved once: what was checked is what is connected to', async () => {
    let lookups = 0;
    const http = new OutboundHttp({
      allowNetworks: [parseNetwork('127.0.0.2')!],
      httpsOnly: false,
      resolve: () => Promise.resolve([address(lookups++ === 0 ? '127.0.0.2' : '127.0.0.1')]),
    });
    opened.push(http);
    await expect(ask(http, `http://hook.example.com:${port}/`)).rejects.toThrow('closed the connection');
    expect(lookups).toBe(1);
    expect(watch.attempts).toEqual([`127.0.0.2 ${port}`]);
    expect(heard).toBe(1);
  });
});

describe('a refusal', () => {
  it.each(['10.1.2.3', 'fd00::1234', '169.254.169.254'])('does not tell that a name means %s', async (secret) => {
    const refused = ask(outbound([secret]), 'http://hook.example.com/');
    await expect(refused).rejects.toBeInstanceOf(OutboundRefused);
    await expect(refused).rejects.not.toThrow(secret);
  });

  it.each([
    ['http://127.0.0.1/', '127.0.0.2'],
    ['http://10.0.0.1/', '10.0.0.2/31'],
    ['http://[::1]/', '::2'],
    ['http://192.168.1.1/', 'fd00::/8'],
    ['http://[fd00::1]/', '10.0.0.0/8'],
  ])('of %s stays when only %s is allowed', async (url, allowed) => {
    await expect(ask(outbound([], [allowed]), url)).rejects.toBeInstanceOf(OutboundRefused);
    expect(watch.attempts).toEqual([]);
  });
});

describe('the watchers see', () => {
  it.each(['127.0.0.1', '127.0.0.2', '127.255.0.9'])('a connection to %s that is allowed', async (allowed) => {
    await expect(ask(outbound([], [allowed]), `http://${allowed}:${port}/`)).rejects.toThrow('closed the connection');
    expect(watch.attempts).toEqual([`${allowed} ${port}`]);
    expect(heard).toBe(1);
  });
});
