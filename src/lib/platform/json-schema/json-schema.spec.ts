import fc from 'fast-check';
import { fitToSchema, schemaProblem } from './json-schema.js';

const SCHEMA = {
  type: 'object',
  description: 'What was agreed on',
  properties: {
    appointment: { type: ['string', 'null'], maxLength: 5 },
    guests: { type: 'integer', minimum: 1, maximum: 12 },
    mood: { type: 'string', enum: ['good', 'bad'] },
    topics: { type: 'array', items: { type: 'string' }, maxItems: 2 },
    address: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
  required: ['appointment'],
  additionalProperties: false,
};
const nested = (levels: number): object =>
  levels === 0 ? { type: 'string' } : { type: 'object', properties: { in: nested(levels - 1) } };

describe('schemaProblem', () => {
  it('finds nothing wrong with what people write', () => {
    expect(schemaProblem(SCHEMA)).toBeUndefined();
    expect(schemaProblem(nested(5))).toBeUndefined();
  });

  it.each([
    [null, 'must be a JSON schema with "type": "object"'],
    [[], 'must be a JSON schema with "type": "object"'],
    [{ type: 'string' }, 'must be a JSON schema with "type": "object"'],
    [{ type: 'object' }, 'must have properties'],
    [{ type: 'object', properties: {} }, 'must have properties'],
    [{ type: 'object', properties: { a: true } }, 'must have a schema at a'],
    [{ type: 'object', properties: { a: {} } }, 'must have a type at a'],
    [{ type: 'object', properties: { a: { type: 'text' } } }, 'must have a type at a'],
    [{ type: 'object', properties: { a: { type: 'string', pattern: '(a+)+$' } } }, 'must not use "pattern" at a'],
    [{ type: 'object', properties: { a: { $ref: '#' } } }, 'must not use "$ref" at a'],
    [{ type: 'object', properties: { a: { type: 'string', enum: [] } } }, 'must have plain values in enum at a'],
    [{ type: 'object', properties: { a: { type: 'string', enum: [{}] } } }, 'must have plain values in enum at a'],
    [{ type: 'object', properties: { a: { type: 'number', minimum: '1' } } }, 'must have a number in minimum at a'],
    [{ type: 'object', properties: { a: { type: 'array', items: { type: 'x' } } } }, 'must have a type at a[]'],
    [
      { type: 'object', properties: { a: { type: 'object', properties: [] } } },
      'must have an object in properties at a',
    ],
    [{ ...SCHEMA, required: 'appointment' }, 'must have names in required'],
    [{ ...SCHEMA, required: ['toString'] }, 'must describe the property toString that it requires'],
    [{ ...SCHEMA, additionalProperties: true }, 'must have nothing but false in additionalProperties'],
    [{ ...SCHEMA, description: 'x'.repeat(10_000) }, 'must be at most 10000 characters of JSON'],
    [nested(6), 'must nest at most 6 levels deep'],
  ])('refuses %j', (schema, problem) => {
    expect(schemaProblem(schema)).toContain(problem);
  });

  it('has an opinion on anything, without throwing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        schemaProblem(a);
        schemaProblem({ type: 'object', properties: { a, b } });
      }),
    );
  });
});

describe('fitToSchema', () => {
  const GOOD = { appointment: '11:00', guests: 2, mood: 'good', topics: ['a'], address: { city: 'Bern' } };

  it('is the answer, without what the schema does not name', () => {
    expect(fitToSchema(SCHEMA, GOOD)).toEqual({ fits: true, value: GOOD });
    expect(fitToSchema(SCHEMA, { appointment: null })).toEqual({ fits: true, value: { appointment: null } });
    const more = { ...GOOD, status: 'failed', address: { city: 'Bern', zip: 1 } };
    expect(fitToSchema(SCHEMA, more)).toEqual({ fits: true, value: GOOD });
  });

  it.each([
    ['text', 'answer is not of type object'],
    [[GOOD], 'answer is not of type object'],
    [{}, 'answer has no appointment'],
    [{ appointment: 11 }, 'answer.appointment is not of type string or null'],
    [{ appointment: '11:00 h' }, 'answer.appointment is longer than 5 characters'],
    [{ ...GOOD, guests: 2.5 }, 'answer.guests is not of type integer'],
    [{ ...GOOD, guests: 0 }, 'answer.guests is less than 1'],
    [{ ...GOOD, guests: 13 }, 'answer.guests is more than 12'],
    [{ ...GOOD, mood: 'furious' }, 'answer.mood is none of the values allowed'],
    [{ ...GOOD, topics: ['a', 1] }, 'answer.topics[1] is not of type string'],
    [{ ...GOOD, topics: ['a', 'b', 'c'] }, 'answer.topics has more than 2 items'],
    [{ ...GOOD, address: {} }, 'answer.address has no city'],
  ])('refuses %j', (value, problem) => {
    expect(fitToSchema(SCHEMA, value)).toEqual({ fits: false, problem });
  });

  it('keeps to names of its own, whatever they are', () => {
    const schema = JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"string"},"toString":{"type":"string"}}}',
    );
    expect(fitToSchema(schema, JSON.parse('{"__proto__":"x"}'))).toEqual({
      fits: true,
      value: JSON.parse('{"__proto__":"x"}'),
    });
    expect(({} as { x?: string }).x).toBeUndefined();
  });
});
