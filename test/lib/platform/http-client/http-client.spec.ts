import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TLSSocket } from 'node:tls';
import { addressProblem } from '../../../../src/lib/platform/http-client/address-problem.js';
import { OutboundFailed, OutboundRefused } from '../../../../src/lib/platform/http-client/outbound-errors.js';
import {
  OutboundHttp,
  type OutboundOptions,
  type OutboundRequest,
} from '../../../../src/lib/platform/http-client/outbound-http.js';
import { parseNetwork } from '../../../../src/lib/platform/http-client/network.js';
import { temporaryFolder } from '../../../support/process.js';
import { selfSignedCertificate } from './certificate.js';

const LOOPBACK = [parseNetwork('127.0.0.0/8')!];
const closing: (() => unknown)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function outbound(options: Partial<OutboundOptions> = {}): OutboundHttp {
  const http = new OutboundHttp({ allowNetworks: LOOPBACK, httpsOnly: false, ...options });
  closing.push(() => {
    http.close();
  });
  return http;
}

const ask = (url: string, rest: Partial<OutboundRequest> = {}, http = outbound()) =>
  http.request({ method: 'POST', url, body: '{"a":1}', timeoutMs: 10_000, maxBytes: 4096, ...rest });

async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.close();
    sockets.forEach((socket) => socket.destroy());
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const serve = async (listener: RequestListener) => `http://${await listen(createHttpServer(listener))}`;
const serveRaw = async (onSocket: (socket: Socket) => void) =>
  `http://${await listen(
    createServer((socket) => {
      socket.on('error', () => undefined);
      onSocket(socket);
    }),
  )}`;

const failure = async (asked: Promise<unknown>): Promise<OutboundFailed> => {
  const error = await asked.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(OutboundFailed);
  return error as OutboundFailed;
};

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks = (await request.toArray()) as Buffer[];
  return Buffer.concat(chunks).toString();
}

describe('an answer', () => {
  it('comes with status, headers and body', async () => {
    const url = await serve((request, response) => {
      void bodyOf(request).then((body) => {
        const { method, url: path, headers } = request;
        response.writeHead(201, { 'X-One': 'a', 'Set-Cookie': ['b=1', 'c=2'] });
        response.end(
          JSON.stringify({ method, path, body, custom: headers['x-custom'], length: headers['content-length'] }),
        );
      });
    });
    const answer = await ask(`${url}/a%20b?c=d#e`, { headers: { 'X-Custom': 'ü'.normalize('NFC') } });
    expect(answer).toMatchObject({
      status: 201,
      truncated: false,
      headers: { 'x-one': 'a', 'set-cookie': 'b=1,c=2' },
    });
    expect(JSON.parse(answer.body)).toMatchObject({ method: 'POST', path: '/a%20b?c=d', body: '{"a":1}', length: '7' });
    expect(answer.ms).toBeGreaterThan(0);
  });

  it.each([301, 302, 303, 307, 308])('of %i is not followed', async (status) => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked += 1;
      response.writeHead(status, { location: '/elsewhere' }).end('moved');
    });
    expect(await ask(url)).toMatchObject({ status, body: 'moved', headers: { location: '/elsewhere' } });
    expect(asked).toBe(1);
  });

  it.each(['GET', 'HEAD', 'DELETE'] as const)('to %s comes without a body having been sent', async (method) => {
    const url = await serve((request, response) => {
      response.writeHead(204, { 'x-length': request.headers['content-length'] ?? 'none' }).end();
    });
    expect(await outbound().request({ method, url, timeoutMs: 10_000, maxBytes: 10 })).toMatchObject({
      status: 204,
      body: '',
    });
  });

  it('is found by name, as the system resolves names, where private networks are allowed', async () => {
    const url = await serve((_, response) => response.end('here'));
    const named = url.replace('127.0.0.1', 'localhost');
    const http = outbound({ allowNetworks: ['127.0.0.1', '::1'].map((text) => parseNetwork(text)!) });
    expect(await ask(named, {}, http)).toMatchObject({ status: 200, body: 'here' });
  });

  it('reuses a connection for the same host, and not for another name of the same address', async () => {
    const ports: number[] = [];
    const url = await serve((request, response) => {
      ports.push(request.socket.remotePort!);
      response.end();
    });
    const http = outbound({ resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]) });
    const [one, other] = ['one.example.com', 'other.example.com'].map((name) => url.replace('127.0.0.1', name));
    for (const asked of [one!, one!, other!]) await ask(asked, {}, http);
    expect(ports[1]).toBe(ports[0]);
    expect(ports[2]).not.toBe(ports[0]);
  });

  it('is asked for directly, whatever proxy the environment names', async () => {
    let proxied = 0;
    const proxy = await serve((_, response) => {
      proxied += 1;
      response.end();
    });
    const url = await serve((_, response) => response.end('direct'));
    const before = { ...process.env };
    Object.assign(process.env, { HTTP_PROXY: proxy, http_proxy: proxy, ALL_PROXY: proxy, NODE_USE_ENV_PROXY: '1' });
    closing.push(() => (process.env = before));
    expect(await ask(url)).toMatchObject({ body: 'direct' });
    expect(proxied).toBe(0);
  });
});

describe('a body', () => {
  it.each([
    ['shorter', 'abc', 'abc', false],
    ['exactly as long', 'abcd', 'abcd', false],
    ['longer', 'abcdefgh', 'abcd', true],
    ['cut within a character', 'abc€', 'abc', true],
  ])('that is %s', async (_, sent, kept, truncated) => {
    const url = await serve((__, response) => response.end(sent));
    expect(await ask(url, { maxBytes: 4 })).toMatchObject({ body: kept, truncated });
  });

  it('without end is read up to the limit, then the connection is dropped', async () => {
    let closed: Promise<unknown> | undefined;
    const url = await serve((_, response) => {
      closed = once(response, 'close');
      const more = () => {
        if (!response.destroyed) response.write(Buffer.alloc(65_536, 'x'), () => setImmediate(more));
      };
      more();
    });
    const answer = await ask(url, { maxBytes: 4096 });
    expect(answer).toMatchObject({ status: 200, truncated: true, body: 'x'.repeat(4096) });
    await closed;
  });

  it('that ends before its length is no answer', async () => {
    const url = await serveRaw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
    expect((await failure(ask(url))).kind).toBe('closed');
  });
});

describe('time runs out', () => {
  const soon = { timeoutMs: 200 };
  const never = new Promise<never>(() => undefined);

  it.each<[string, (socket: Socket) => void]>([
    ['before the headers', () => undefined],
    ['within the status line', (socket) => socket.write('HTTP/1.1 20')],
    ['within the headers', (socket) => socket.write('HTTP/1.1 200 OK\r\nA: b\r\n')],
    ['before the body', (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n')],
    ['within the body', (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc')],
    ['within a body of no known length', (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nabc')],
    ['between chunks', (socket) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')],
    [
      'after an interim answer',
      (socket) => socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n'),
    ],
  ])('%s', async (_, onSocket) => {
    const url = await serveRaw(onSocket);
    const { kind, message } = await failure(ask(url, soon));
    expect([kind, message]).toEqual(['timeout', 'No answer within 0.2 seconds']);
  });

  it.each(['HTTP/1.1 200 OK\r\nX: ', 'HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n'])(
    'for who sends a byte at a time after %j',
    async (start) => {
      const url = await serveRaw((socket) => {
        socket.write(start);
        const drip = setInterval(() => socket.write('x'), 20);
        socket.on('close', () => {
          clearInterval(drip);
        });
      });
      expect((await failure(ask(url, soon))).kind).toBe('timeout');
    },
  );

  it('while the name is resolved', async () => {
    const http = outbound({ resolve: () => never });
    expect((await failure(ask('http://slow.example.com/', soon, http))).kind).toBe('timeout');
  });

  it('while TLS is set up', async () => {
    const url = await serveRaw(() => undefined);
    expect((await failure(ask(url.replace('http:', 'https:'), soon))).kind).toBe('timeout');
  });

  it('while the connection is made', async () => {
    // A stopped process whose queue of connections is full: the kernel lets further ones wait.
    const script = `require('net').createServer().listen({port:0,host:'127.0.0.1',backlog:1},function(){console.log(this.address().port)})`;
    const child = spawn(process.execPath, ['-e', script]);
    closing.push(() => child.kill('SIGKILL'));
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill('SIGSTOP');
    for (let i = 0; i < 8; i++) {
      const filler = connect(Number(line.toString()), '127.0.0.1').on('error', () => undefined);
      closing.push(() => filler.destroy());
    }
    expect((await failure(ask(`http://127.0.0.1:${Number(line.toString())}/`, soon))).kind).toBe('timeout');
  });
});

describe('a request is given up', () => {
  it('while it waits', async () => {
    const given = new AbortController();
    const url = await serveRaw(() => {
      given.abort();
    });
    expect((await failure(ask(url, { signal: given.signal }))).kind).toBe('aborted');
  });

  it('before it began: nothing is sent', async () => {
    let asked = 0;
    const url = await serve(() => (asked += 1));
    expect((await failure(ask(url, { signal: AbortSignal.abort() }))).kind).toBe('aborted');
    expect(asked).toBe(0);
  });

  it('when everything closes', async () => {
    const http = outbound();
    const url = await serveRaw(() => {
      http.close();
    });
    expect((await failure(ask(url, {}, http))).kind).toBe('closed');
  });
});

describe('it fails in words', () => {
  it.each<[string, string, string]>([
    ['nothing', 'closed', 'The host closed the connection before it had answered'],
    ['SSH-2.0-OpenSSH_9.2\r\n', 'protocol', 'The answer is not HTTP'],
    [
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
      'protocol',
      'The answer is not HTTP',
    ],
    [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 'protocol', 'The headers of the answer are too long'],
    [
      `HTTP/1.1 200 OK\r\n${'X-Header: yyyyyyyy\r\n'.repeat(5_000)}\r\n`,
      'protocol',
      'The headers of the answer are too long',
    ],
  ])('for an answer of %#', async (sent, kind, message) => {
    const url = await serveRaw((socket) => {
      if (sent === 'nothing') socket.destroy();
      else socket.write(sent);
    });
    expect(await failure(ask(url))).toMatchObject({ kind, message });
  });

  it('for an answer 101: nothing was to be switched to', async () => {
    const url = await serveRaw((socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    );
    expect(await failure(ask(url))).toMatchObject({
      kind: 'closed',
      message: 'The host closed the connection before it had answered',
    });
  });

  it('when nobody listens', async () => {
    const url = await serve(() => undefined);
    closing.splice(0).forEach((close) => close());
    expect(await failure(ask(url))).toMatchObject({ kind: 'unreachable', message: 'The connection was refused' });
  });

  it.each([
    ['ENOTFOUND', 'The host name has no address'],
    ['ESERVFAIL', 'The host name cannot be resolved'],
    ['EAI_AGAIN', 'The host name cannot be resolved'],
    ['ETIMEOUT', 'The host name cannot be resolved'],
  ])('when the name servers say %s', async (code, message) => {
    const http = outbound({ resolve: () => Promise.reject(Object.assign(new Error('10.0.0.53'), { code })) });
    expect(await failure(ask('http://hook.example.com/', {}, http))).toMatchObject({ kind: 'unreachable', message });
  });

  it('when a name has no address at all', async () => {
    const http = outbound({ resolve: () => Promise.resolve([]) });
    expect((await failure(ask('http://hook.example.com/', {}, http))).message).toBe('The host name has no address');
  });

  it('when the other side does not speak TLS', async () => {
    const url = await serve((_, response) => response.end());
    expect((await failure(ask(url.replace('http:', 'https:')))).kind).toBe('tls');
  });

  it('when nobody known signed the certificate, also with verification switched off in the environment', async () => {
    const secure = `https://${await listen(createHttpsServer(selfSignedCertificate('127.0.0.1'), (_, response) => response.end()))}`;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    closing.push(() => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED);
    expect(await failure(ask(secure))).toMatchObject({
      kind: 'tls',
      message: 'The certificate is of no known authority',
    });
  });
});

describe('https', () => {
  // NODE_EXTRA_CA_CERTS is read when a process starts.
  const SCRIPT = `
    import { OutboundHttp } from './dist/lib/platform/index.js';
    const [port, ...hosts] = process.argv.slice(1);
    const resolve = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    const allowNetworks = [{ address: '127.0.0.1', prefix: 32, family: 'ipv4' }];
    const http = new OutboundHttp({ allowNetworks, httpsOnly: true, resolve });
    for (const host of hosts)
      await http.request({ method: 'GET', url: 'https://' + host + ':' + port + '/', timeoutMs: 10000, maxBytes: 100 })
        .then(({ status, body }) => console.log(status, body), ({ kind, message }) => console.log(kind, message));
    http.close();`;

  it('is spoken with who has a certificate for the name, of an authority that is known or was added', async () => {
    const folder = temporaryFolder();
    closing.push(folder.remove);
    const certificate = selfSignedCertificate('hook.example.com');
    const file = join(folder.path, 'ca.pem');
    writeFileSync(file, certificate.cert);
    const server = createHttpsServer(certificate, (request, response) => {
      response.end((request.socket as TLSSocket).servername || 'no name');
    });
    const [, port = ''] = (await listen(server)).split(':');
    const args = ['--input-type=module', '-e', SCRIPT, port, 'hook.example.com', 'other.example.com'];
    const child = spawn(process.execPath, args, { env: { ...process.env, NODE_EXTRA_CA_CERTS: file } });
    const lines = (await child.stdout.toArray()).join('').trim().split('\n');
    expect(lines).toEqual(['200 hook.example.com', 'tls The certificate is for another host']);
  });
});

describe('headers', () => {
  it.each(['Host', 'content-length', 'Transfer-Encoding', 'connection', 'Proxy-Authorization', 'expect', 'Upgrade'])(
    '%s cannot be set',
    async (name) => {
      await expect(ask('http://127.0.0.1/', { headers: { [name]: 'x' } })).rejects.toThrow(`The header ${name} cannot`);
    },
  );

  it.each([
    ['X-A', 'a\r\nX-B: b'],
    ['X-A\r\nX-B', 'b'],
    ['X A', 'b'],
    ['', 'b'],
    ['X-A', '\0'],
    ['X-A', '€'],
    ['X-A', 'x'.repeat(17_000)],
  ])('%j cannot be %j', async (name, value) => {
    await expect(ask('http://127.0.0.1/', { headers: { [name]: value } })).rejects.toBeInstanceOf(OutboundRefused);
  });
});

describe('in production', () => {
  const rules = { allowNetworks: LOOPBACK, httpsOnly: true };

  it('only https is asked', async () => {
    let asked = 0;
    const url = await serve(() => (asked += 1));
    await expect(ask(url, {}, outbound(rules))).rejects.toThrow('The address must begin with https://');
    expect(asked).toBe(0);
  });

  it.each([
    'https://example.com',
    'https://example.com:8443/a?b=c#d',
    'HTTPS://EXAMPLE.COM',
    'https://bücher.example.com/',
  ])('%s is an address', (url) => {
    expect(addressProblem(url, rules)).toBeUndefined();
  });
});

describe('an address of the internet', () => {
  it.each([
    ...['http://8.8.8.8/', 'http://1.1.1.1:8080/', 'http://172.32.0.1/', 'http://172.15.255.255/', 'http://11.0.0.0/'],
    ...['http://100.63.255.255/', 'http://100.128.0.0/', 'http://126.255.255.255/', 'http://128.0.0.0/'],
    ...['http://192.167.255.255/', 'http://192.169.0.0/', 'http://169.253.255.255/', 'http://223.255.255.255/'],
    ...['http://[2606:4700:4700::1111]/', 'http://[2001:4860:4860::8888]:80/', 'http://[2a00:1450::1]/'],
    ...[
      'http://localhost.example.com/',
      'http://10.0.0.1.example.com/',
      'http://x.com',
      'http://xn--bcher-kva.com/a@b',
    ],
  ])('%s may be asked', (url) => {
    expect(addressProblem(url, { allowNetworks: [], httpsOnly: false })).toBeUndefined();
  });
});
