import fc from 'fast-check';
import { request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import { type Answer, type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';

/** Field names with a meaning in JavaScript. */
const JS_NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'then', 'length'];

describe('bad input to POST /v1/calls', () => {
  const app = useApp();
  let tenant: Tenant;

  beforeAll(async () => {
    tenant = await app.tenant();
  });

  // After all bad requests, the server still works and has lost no call.
  afterEach(async () => {
    const { body } = await app.request('GET', '/v1/calls', { key: tenant.key });
    const [row] = await app.db.database.query('select count(*)::int as total from calls where organization_id = $1', [
      tenant.organizationId,
    ]);
    expect({ total: body.pagination.total }).toEqual(row);
  });

  const post = (body: unknown, headers: Record<string, string> = {}) =>
    app.request('POST', '/v1/calls', { key: tenant.key, body, headers });
  const valid = (fields: object = {}) => ({
    agentId: tenant.agentId,
    toNumber: '+1234567890',
    fromNumber: tenant.fromNumber,
    ...fields,
  });
  /** A request whose `metadata` is JSON text that `JSON.stringify` might not write. */
  const postMetadata = (json: string) => post(`${JSON.stringify(valid()).slice(0, -1)},"metadata":${json}}`);
  const storedMetadata = async ({ body }: Answer): Promise<string> => {
    const answer = await app.request('GET', `/v1/calls/${body.data.id}`, { key: tenant.key });
    expect(answer.status).toBe(200);
    return JSON.stringify(answer.body.data.metadata);
  };
  const expectRefusal = (answer: Answer, status: number, code: string) => {
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({
      error: { code, message: expect.stringMatching(/./), details: answer.body.error.details },
      requestId: answer.headers.get('x-request-id'),
    });
  };
  const expectFieldRefused = (answer: Answer, field: string) => {
    expectRefusal(answer, 400, 'validation_error');
    expect(Object.keys(answer.body.error.details)).toEqual([field]);
    expect(answer.body.error.message).toContain(field);
  };

  it.each([
    '{',
    '{"agentId":',
    "{'agentId': 1}",
    '{"a":1,}',
    '{"a":01}',
    '"',
    'null',
    '42',
    '"text"',
    'true',
    '\0',
    '\ufeff{}x',
  ])('400 bad_request for the body %j', async (body) => {
    expectRefusal(await post(body), 400, 'bad_request');
  });

  it.each(['[]', '[{}]', '[1, 2]'])('400 bad_request for an array: %s', async (body) => {
    expectRefusal(await post(body), 400, 'bad_request');
  });

  it('400 bad_request for a body that is not compressed as its header says', async () => {
    for (const encoding of ['gzip', 'deflate', 'br'])
      expectRefusal(await post(valid(), { 'content-encoding': encoding }), 400, 'bad_request');
  });

  it('413 for a body of 200 kB, sent whole, in chunks or compressed', async () => {
    const body = JSON.stringify(valid({ metadata: { text: 'x'.repeat(200_000) } }));
    expectRefusal(await post(body), 413, 'payload_too_large');
    for (const [payload, headers] of [
      [body, {}],
      [gzipSync(body), { 'content-encoding': 'gzip' }],
    ] as const) {
      const { status, json } = await sendChunked(payload, headers);
      expect([status, json.error.code]).toEqual([413, 'payload_too_large']);
    }
  });

  /** A request without Content-Length. */
  function sendChunked(payload: string | Buffer, headers: object): Promise<{ status: number | undefined; json: any }> {
    return new Promise((resolve, reject) => {
      const authorization = `Bearer ${tenant.key}`;
      const sent = httpRequest(`${app.url}/v1/calls`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json', ...headers },
      });
      sent.on('error', reject).on('response', (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          resolve({ status: response.statusCode, json: JSON.parse(text) });
        });
      });
      sent.write(payload);
      sent.end();
    });
  }

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    '',
  ])('415 for the content type %j', async (type) => {
    expectRefusal(await post(JSON.stringify(valid()), { 'content-type': type }), 415, 'unsupported_media_type');
  });

  it.each([
    ['content-encoding', 'zip'],
    ['content-type', 'application/json; charset=latin1'],
  ])('415 for %s: %s', async (name, value) => {
    expectRefusal(await post(valid(), { [name]: value }), 415, 'unsupported_media_type');
  });

  it.each(['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/vnd.api+json', 'application/json;'])(
    '201 for the content type %j',
    async (type) => {
      expect((await post(valid(), { 'content-type': type })).status).toBe(201);
    },
  );

  const WRONG: Record<string, unknown[]> = {
    agentId: [1, true, {}, [], ['a'], { constructor: 'x' }],
    toNumber: [1234567890, true, {}, ['+1234567890'], { then: 1 }],
    fromNumber: [1234567890, false, {}, ['+0987654321']],
    voiceId: [1, true, {}, [], '', 'x'.repeat(201)],
    language: [1, {}, [], '', 'x'.repeat(36)],
    customerName: [1, true, {}, [], 'x'.repeat(201), { constructor: 'x' }],
    dynamicVariables: ['x', 1, true, [], [{}]],
    metadata: ['x', 1, true, [], [{}], '{}'],
    scheduledAt: [1, true, {}, [], '', 'soon', ['2026-04-05T14:00:00Z'], '2026-02-30'],
    disableKnowledgeBases: ['true', 1, 0, {}, [], ''],
  };
  const wrongs = Object.entries(WRONG).flatMap(([name, values]) => values.map((value) => [name, value] as const));
  it.each(wrongs)('400 names the field: %s = %j', async (name, value) => {
    expectFieldRefused(await post(valid({ [name]: value })), name);
  });

  it('400 names every bad field at once', async () => {
    const { body } = await post(valid({ voiceId: 1, metadata: 'x', scheduledAt: 'soon' }));
    expect(Object.keys(body.error.details).sort()).toEqual(['metadata', 'scheduledAt', 'voiceId']);
  });

  it.each([
    ['NUL in a name', '"customerName":"a\\u0000b"', 'customerName'],
    ['half a character in a name', '"customerName":"\\ud83d"', 'customerName'],
    ['NUL in a value', '"metadata":{"a":["b",{"c":"\\u0000"}]}', 'metadata.a[1].c'],
    ['NUL in a key', '"metadata":{"a":{"\\u0000":1}}', 'metadata.a'],
    ['half a character in a key', '"dynamicVariables":{"\\udc00":1}', 'dynamicVariables'],
    ['NUL in an unknown field', '"unknown":"\\u0000"', 'unknown'],
    ['a number too large to keep', '"metadata":{"n":9007199254740993}', 'metadata.n'],
    ['a number beyond all numbers', '"metadata":{"n":1e400}', 'metadata.n'],
  ])('400 names the path: %s', async (_what, json, place) => {
    expectFieldRefused(await post(`${JSON.stringify(valid()).slice(0, -1)},${json}}`), place);
  });

  it.each([
    ['arrays', '[', ']'],
    ['objects', '{"a":', '}'],
  ])('400 for %s nested too deep, at any depth', async (_what, open, close) => {
    for (const levels of [33, 1_000, 15_000]) {
      const answer = await postMetadata(`{"deep":${open.repeat(levels)}1${close.repeat(levels)}}`);
      expectRefusal(answer, 400, 'validation_error');
      expect(answer.body.error.message).toMatch(/^metadata\.deep.* is nested more than 32 levels deep$/);
      expect(answer.text.length).toBeLessThan(2_000);
    }
  });

  it.each([
    '{"__proto__":{"polluted":true}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '{"constructor":"x"}',
    '{"a":[{"constructor":null,"toString":1,"hasOwnProperty":2,"valueOf":3,"then":"x","length":-1}]}',
    '{"":1," ":2,"a.b":3,"a[0]":4,"0":5}',
  ])('201 stores field names with a meaning in JavaScript: %s', async (json) => {
    const answer = await postMetadata(json);
    expect(answer.status).toBe(201);
    expect(JSON.parse(await storedMetadata(answer))).toEqual(JSON.parse(json));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each(JS_NAMES)('201 ignores an unknown field called %s', async (name) => {
    const unknown = `"${name}":{"polluted":true,"constructor":"x"}`;
    const answer = await post(`${JSON.stringify(valid()).slice(0, -1)},${unknown}}`);
    expect(answer.status).toBe(201);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('201 returns 90 kB of metadata unchanged', async () => {
    const metadata = { items: Array.from({ length: 2_100 }, (_, n) => ({ n, text: 'ünïcödé 📞 "\\' })), last: 'x' };
    const json = JSON.stringify(metadata);
    expect(Buffer.byteLength(json)).toBeGreaterThan(85_000);
    const answer = await postMetadata(json);
    expect(answer.status).toBe(201);
    expect(JSON.parse(await storedMetadata(answer))).toEqual(metadata);
  });

  it('201 returns any JSON object unchanged as metadata, or 400 names the path that it cannot store', async () => {
    const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.constantFrom(...JS_NAMES));
    const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.maxSafeInteger());
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof(
        { maxDepth: 4 },
        ...[text, number, fc.boolean(), fc.constant(null)],
        fc.array(tie('json'), { maxLength: 3 }),
        fc.dictionary(text, tie('json'), { maxKeys: 4 }),
      ),
    }));
    const property = fc.asyncProperty(fc.dictionary(text, json, { maxKeys: 5 }), async (metadata) => {
      // As a client parses it: -0 and 0 are equal.
      const sent: unknown = JSON.parse(JSON.stringify(metadata));
      const answer = await postMetadata(JSON.stringify(metadata));
      if (answer.status === 201) expect(JSON.parse(await storedMetadata(answer))).toEqual(sent);
      else {
        expectRefusal(answer, 400, 'validation_error');
        expect(Object.keys(answer.body.error.details)[0]).toMatch(/^metadata/);
      }
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it('400 or 201 for any value in any field, never 500', async () => {
    const value = fc.object({ key: fc.oneof(fc.string(), fc.constantFrom(...JS_NAMES)), maxDepth: 3 });
    const body = fc.dictionary(fc.constantFrom(...Object.keys(WRONG), 'x'), fc.oneof(fc.jsonValue(), value));
    await fc.assert(
      fc.asyncProperty(body, async (fields) => {
        const { status } = await post({ ...valid(), ...fields });
        expect([201, 400, 403, 404]).toContain(status);
      }),
      { numRuns: 300 },
    );
  });
});
