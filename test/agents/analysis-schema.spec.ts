import { type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';

const SCHEMA = {
  type: 'object',
  // In an order that is not that of names.
  properties: { time: { type: ['string', 'null'], description: 'HH:MM' }, guests: { type: 'integer', minimum: 1 } },
  required: ['time'],
};

describe("An agent's analysisSchema", () => {
  const app = useApp();
  let tenant: Tenant;

  beforeAll(async () => {
    tenant = await app.tenant();
  });

  const ask = (method: string, path: string, body?: unknown) =>
    app.request(method, `/v1/agents${path}`, { key: tenant.key, ...(body === undefined ? {} : { body }) });

  it('201 and 200 keep it as it is written, null empties it', async () => {
    const { body } = await ask('POST', '', { agentName: 'Ada', analysisSchema: SCHEMA });
    const path = `/${body.data.id}`;
    expect(JSON.stringify(body.data.analysisSchema)).toBe(JSON.stringify(SCHEMA));
    expect(JSON.stringify((await ask('GET', path)).body.data.analysisSchema)).toBe(JSON.stringify(SCHEMA));
    const other = { type: 'object', properties: { a: { type: 'boolean' } } };
    expect((await ask('PATCH', path, { analysisSchema: other })).body.data.analysisSchema).toEqual(other);
    expect((await ask('PATCH', path, { prompt: 'Hi' })).body.data.analysisSchema).toEqual(other);
    expect((await ask('PATCH', path, { analysisSchema: null })).body.data.analysisSchema).toBeNull();
    const [row] = await app.db.database.query<{ empty: boolean }>(
      'select analysis_schema is null as empty from agents where id = $1',
      [body.data.id],
    );
    expect(row).toEqual({ empty: true });
  });

  it.each([
    ['no object', [1], 'must be an object'],
    ['a text', '{}', 'must be an object'],
    ['no schema of an object', {}, 'must be a JSON schema with "type": "object"'],
    [
      'a pattern',
      { type: 'object', properties: { a: { type: 'string', pattern: '(a+)+$' } } },
      'must not use "pattern"',
    ],
    ['more than it may', { ...SCHEMA, description: 'x'.repeat(10_001) }, 'must be at most 10000 characters'],
  ])('400 for %s, and nothing changes', async (_, analysisSchema, problem) => {
    const path = `/${tenant.agentId}`;
    const before = (await ask('GET', path)).body.data;
    for (const answer of [
      await ask('POST', '', { agentName: 'Ada', analysisSchema }),
      await ask('PATCH', path, { prompt: 'Changed', analysisSchema }),
    ]) {
      expect(answer.status).toBe(400);
      expect(answer.body.error).toMatchObject({
        code: 'validation_error',
        details: { analysisSchema: expect.stringContaining(problem) },
      });
    }
    expect((await ask('GET', path)).body.data).toEqual(before);
  });
});
