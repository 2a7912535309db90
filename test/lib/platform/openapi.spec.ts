import { SCOPES } from '../../../src/api-keys/api-key.js';
import { ERROR_STATUS } from '../../../src/lib/platform/errors/domain-error.js';
import { useApp } from '../../support/use-app.js';

describe('the API reference', () => {
  const app = useApp();
  let operations: { name: string; operation: any }[];

  beforeAll(async () => {
    const { body } = await app.request('GET', '/openapi.json');
    operations = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
    );
  });

  const errorCodes = (operation: any): string[] =>
    Object.entries(operation.responses as Record<string, any>)
      .filter(([status]) => Number(status) >= 400)
      .flatMap(([, { description }]) => (description as string).split(/[,:] /))
      .filter((word) => word in ERROR_STATUS);

  it('200 for the page, its script and its style, which may run there and nowhere else', async () => {
    const page = await app.request('GET', '/docs');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const files = [...page.text.matchAll(/(?:src|href)="(?:\.\/)?([^":]+\.(?:js|css))"/g)].map(
      ([, file]) => file ?? '',
    );
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) {
      const { status } = await app.request('GET', `/docs/${file.replace(/^.*\//, '')}`);
      expect([file, status]).toEqual([file, 200]);
    }
  });

  it('200 for the document, with every endpoint of the contract so far', async () => {
    const { status, headers, body } = await app.request('GET', '/openapi.json');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toContain('application/json');
    expect(body.openapi).toMatch(/^3\./);
    const names = operations.map(({ name }) => name);
    const calls = ['POST /v1/calls', 'GET /v1/calls', 'GET /v1/calls/{id}', 'GET /v1/calls/{id}/events'];
    const agents = ['POST /v1/agents', 'GET /v1/agents', 'GET /v1/agents/{id}', 'PATCH /v1/agents/{id}'];
    const numbers = ['POST /v1/phone-numbers', 'GET /v1/phone-numbers', 'DELETE /v1/phone-numbers/{id}'];
    const keys = ['POST /v1/api-keys', 'GET /v1/api-keys', 'DELETE /v1/api-keys/{id}', 'POST /v1/api-keys/{id}/roll'];
    const rest = ['POST /v1/calls/{id}/cancel', 'DELETE /v1/agents/{id}', 'GET /health/live', 'GET /health/ready'];
    expect(names).toEqual(expect.arrayContaining([...calls, ...agents, ...numbers, ...keys, ...rest]));
  });

  it('says of every operation what it does, under a name of its own', () => {
    for (const { name, operation } of operations)
      expect([name, operation.summary]).toEqual([name, expect.stringMatching(/^[A-Z].{5,}/)]);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('says of every operation which scope it needs, or that it needs no key', () => {
    for (const { name, operation } of operations) {
      const isOpen = name.includes('/health/') || name === 'GET /recordings/{name}';
      expect([name, operation.security]).toEqual([name, isOpen ? undefined : [{ bearer: [] }]]);
      const scope = operation['x-required-scope'] as string | undefined;
      expect([name, isOpen ? scope === undefined : SCOPES.some((each) => each === scope)]).toEqual([name, true]);
      expect(operation.description).toContain(isOpen ? 'No key needed' : `\`${scope ?? ''}\``);
    }
  });

  it('has an example of every body and of every answer', () => {
    for (const { name, operation } of operations) {
      const contents = [operation.requestBody, ...Object.values(operation.responses as object)]
        .map((each) => (each as { content?: Record<string, any> } | undefined)?.content?.['application/json'])
        .filter((content) => content !== undefined);
      expect([name, contents.length > 0]).toEqual([name, true]);
      for (const { example } of contents) expect([name, example]).toEqual([name, expect.anything()]);
    }
  });

  it('has an example of success with every field of its schema', async () => {
    const { body } = await app.request('GET', '/openapi.json');
    for (const { name, operation } of operations) {
      const content = operation.responses['200']?.content ?? operation.responses['201']?.content;
      const { data } = content?.['application/json']?.schema.properties ?? {};
      const schema = body.components.schemas[(data?.$ref ?? data?.items?.$ref ?? '').split('/').at(-1)];
      if (!schema) continue;
      const example = content['application/json'].example.data;
      const shown = Object.keys(Array.isArray(example) ? example[0] : example);
      expect([name, shown]).toEqual([name, Object.keys(schema.properties as object)]);
    }
  });

  it('lists the errors of every operation', () => {
    for (const { name, operation } of operations) {
      const codes = errorCodes(operation);
      const withKey = ['unauthorized', 'forbidden', 'insufficient_scope', 'rate_limit_exceeded'];
      const withBody = ['bad_request', 'payload_too_large', 'unsupported_media_type', 'validation_error'];
      const expected = [
        'internal_error',
        ...(operation.security ? withKey : []),
        ...(operation.requestBody ? withBody : []),
        ...(name.includes('{id}') ? ['not_found'] : []),
      ];
      expect([name, codes]).toEqual([name, expect.arrayContaining(expected)]);
    }
    const create = operations.find(({ name }) => name === 'POST /v1/calls')?.operation;
    expect(errorCodes(create)).toEqual(expect.arrayContaining(['not_found', 'forbidden', 'idempotency_mismatch']));
  });

  it('has examples of bodies that the server accepts as they are', async () => {
    const tenant = await app.tenant();
    for (const { name, operation } of operations) {
      const example = operation.requestBody?.content['application/json']?.example;
      if (example === undefined) continue;
      const [method = '', path = ''] = name.replace('{id}', 'x').split(' ');
      const { status, body } = await app.request(method, path, { key: tenant.key, body: example });
      // Its ids name nothing here, so the field checks are all that it can pass.
      expect([name, [200, 201, 404].includes(status) ? 'accepted' : body]).toEqual([name, 'accepted']);
    }
  });
});
