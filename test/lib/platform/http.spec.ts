import { once } from 'node:events';
import { connect } from 'node:net';
import { type Answer, TestApp, type Tenant } from '../../support/app.js';
import { useApp } from '../../support/use-app.js';

const REQUEST_ID = /^req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ORIGIN = 'https://app.example.com';

describe('HTTP', () => {
  const app = useApp();
  let tenant: Tenant;

  beforeAll(async () => {
    tenant = await app.tenant();
  });

  const post = (body: string, headers: Record<string, string> = {}) =>
    app.request('POST', '/v1/calls', { key: tenant.key, body, headers });
  /** The error envelope of the contract, with the request id of the header. */
  const expectError = ({ status, headers, body }: Answer, expected: number, code: string) => {
    expect(status).toBe(expected);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(body).toEqual({
      error: { code, message: expect.stringMatching(/^[A-Z].*/), details: null },
      requestId: headers.get('x-request-id'),
    });
    expect(body.requestId).toMatch(REQUEST_ID);
  };
  /** What the server answers to bytes that no HTTP client would send. */
  async function sendRaw(bytes: string): Promise<{ head: string; body: any }> {
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.write(bytes);
    await once(socket, 'close');
    const [head = '', body = ''] = text.split('\r\n\r\n');
    return { head, body: JSON.parse(body) };
  }

  describe('errors before a route is found', () => {
    it('400 for malformed JSON', async () => {
      expectError(await post('{"agentId": '), 400, 'bad_request');
    });

    it('413 for a body above 100 kB, and not for one below', async () => {
      const text = (size: number) => JSON.stringify({ text: 'x'.repeat(size - '{"text":""}'.length) });
      expectError(await post(text(100_001)), 413, 'payload_too_large');
      expect((await post(text(100_000))).body.error.code).toBe('validation_error');
    });

    it('415 for another media type than JSON', async () => {
      expectError(await post('agentId=1', { 'content-type': 'text/plain' }), 415, 'unsupported_media_type');
    });

    it.each(['/', '/v1', '/v1/unknown', '/v2/calls', '/v1/calls/x/y/z', '/favicon.ico', '/v1/%ff', '/%', '/docsx'])(
      '404 for the path %s',
      async (path) => {
        for (const key of [tenant.key, undefined])
          expectError(await app.request('GET', path, key === undefined ? {} : { key }), 404, 'not_found');
      },
    );

    it.each(['PUT', 'PATCH', 'DELETE'])('404 for %s on a path that has no such method', async (method) => {
      expectError(await app.request(method, '/v1/calls', { key: tenant.key }), 404, 'not_found');
    });

    it.each([
      ['400 Bad Request', 'nonsense\r\n\r\n'],
      ['400 Bad Request', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n'],
      ['431 Request Header Fields Too Large', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
    ])('%s for what is not HTTP, in the same form', async (status, bytes) => {
      const { head, body } = await sendRaw(bytes);
      expect(head.split('\r\n')[0]).toBe(`HTTP/1.1 ${status}`);
      expect(body).toEqual({
        error: { code: 'bad_request', message: expect.any(String), details: null },
        requestId: expect.stringMatching(REQUEST_ID),
      });
    });
  });

  describe('every answer', () => {
    const all = () =>
      Promise.all([
        app.request('GET', '/v1/calls', { key: tenant.key }),
        app.request('GET', '/v1/calls'),
        app.request('GET', '/v1/calls/x', { key: tenant.key }),
        app.request('GET', '/v1/unknown'),
        app.request('GET', '/docsx'),
        app.request('GET', '/health/live'),
        app.request('GET', '/openapi.json'),
        post('{'),
      ]);

    it('has its own request id', async () => {
      const ids = (await all()).map(({ headers }) => headers.get('x-request-id') ?? '');
      for (const id of ids) expect(id).toMatch(REQUEST_ID);
      expect(new Set(ids).size).toBe(ids.length);
    });

    it('lets nothing of it be run, framed or sniffed, and does not say what serves it', async () => {
      for (const { headers } of await all()) {
        expect(headers.get('content-security-policy')).toBe("default-src 'none';frame-ancestors 'none'");
        expect(headers.get('x-content-type-options')).toBe('nosniff');
        expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
        expect(headers.get('strict-transport-security')).toMatch(/^max-age=\d+/);
        expect(headers.get('referrer-policy')).toBe('no-referrer');
        expect(headers.get('x-powered-by')).toBeNull();
      }
    });

    it('has the same headers for HEAD as for GET, and no body', async () => {
      const [got, head] = [
        await app.request('GET', '/health/live'),
        await fetch(`${app.url}/health/live`, { method: 'HEAD' }),
      ];
      expect([head.status, await head.text()]).toEqual([200, '']);
      expect(head.headers.get('content-length')).toBe(String(Buffer.byteLength(got.text)));
    });
  });

  describe('CORS', () => {
    const preflight = (on: TestApp, origin: string) =>
      on.request('OPTIONS', '/v1/calls', {
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type,idempotency-key',
        },
      });
    const allowed = ({ headers }: Answer) => headers.get('access-control-allow-origin');
    const withOrigins = async (corsOrigins: string[], use: (open: TestApp) => Promise<void>) => {
      const open = await TestApp.start(app.db.url, { corsOrigins });
      await use(open).finally(() => open.close());
    };

    it('is off: no web page may read an answer', async () => {
      for (const answer of [
        await app.request('GET', '/v1/calls', { key: tenant.key, headers: { origin: ORIGIN } }),
        await preflight(app, ORIGIN),
      ])
        expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    });

    it('lets the configured origins in, and no others', () =>
      withOrigins([ORIGIN, 'https://admin.example.com'], async (open) => {
        for (const origin of [ORIGIN, 'https://admin.example.com']) {
          expect(allowed(await open.request('GET', '/health/live', { headers: { origin } }))).toBe(origin);
          expect(allowed(await preflight(open, origin))).toBe(origin);
        }
        for (const origin of ['https://evil.example.com', 'http://app.example.com', `${ORIGIN}.evil.com`, 'null']) {
          expect(allowed(await open.request('GET', '/health/live', { headers: { origin } }))).toBeNull();
          expect(allowed(await preflight(open, origin))).toBeNull();
        }
      }));

    it('answers a preflight with what a call needs, and shows a page errors and our headers', () =>
      withOrigins([ORIGIN], async (open) => {
        const { status, headers } = await preflight(open, ORIGIN);
        expect(status).toBe(204);
        expect(headers.get('access-control-allow-methods')).toContain('POST');
        expect(headers.get('access-control-allow-headers')).toBe('authorization,content-type,idempotency-key');
        const refused = await open.request('GET', '/v1/calls', { headers: { origin: ORIGIN } });
        expect([refused.status, allowed(refused)]).toEqual([401, ORIGIN]);
        const exposed = refused.headers.get('access-control-expose-headers')?.split(',');
        const ours = ['X-Request-Id', 'X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'];
        expect(exposed).toEqual(expect.arrayContaining([...ours, 'Retry-After', 'Idempotent-Replayed']));
      }));

    it('lets every origin in with *', () =>
      withOrigins(['*'], async (open) => {
        expect(allowed(await open.request('GET', '/health/live', { headers: { origin: ORIGIN } }))).toBe('*');
      }));
  });

  it.each([
    ...[
      ['GET', 'contacts'],
      ['POST', 'contacts'],
      ['GET', 'calendar/events'],
      ['POST', 'calendar/events'],
    ],
    ...[['GET', 'messages']],
  ] as const)('503 not_implemented for what is planned: %s /v1/%s', async (method, path) => {
    expectError(await app.request(method, `/v1/${path}`, { key: tenant.key }), 503, 'not_implemented');
  });
});
