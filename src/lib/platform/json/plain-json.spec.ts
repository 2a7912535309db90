import fc from 'fast-check';
import { findJsonProblem, MAX_JSON_DEPTH, textProblem } from './plain-json.js';

/** A value inside so many arrays. */
function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

describe('findJsonProblem', () => {
  it('finds nothing in what PostgreSQL and JavaScript both keep unchanged', () => {
    const text = fc.string({ unit: 'grapheme' });
    const number = fc.oneof(fc.maxSafeInteger(), fc.double({ noNaN: true, min: -1e6, max: 1e6 }));
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof(
        { maxDepth: 5 },
        ...[text, number, fc.boolean(), fc.constant(null)],
        fc.array(tie('json'), { maxLength: 4 }),
        fc.dictionary(text, tie('json'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(json, (value) => {
        expect(findJsonProblem(value)).toBeUndefined();
      }),
    );
  });

  it.each([
    ['NUL', 'a\0b', 'has a NUL character'],
    ['a high surrogate alone', 'x\ud800', 'is not well-formed Unicode (an unpaired surrogate)'],
    ['a low surrogate alone', '\udc00x', 'is not well-formed Unicode (an unpaired surrogate)'],
    ['surrogates in the wrong order', '\udc00\ud800', 'is not well-formed Unicode (an unpaired surrogate)'],
  ])('names the place of text with %s', (_what, text, problem) => {
    expect(findJsonProblem({ metadata: { items: ['ok', { note: text }] } })).toEqual({
      path: 'metadata.items[1].note',
      problem: `contains text that ${problem}`,
    });
    expect(findJsonProblem({ metadata: { [text]: 1 } })).toEqual({
      path: 'metadata',
      problem: `has a field name that ${problem}`,
    });
    expect(textProblem(text)).toBe(problem);
  });

  it('accepts a pair of surrogates', () => {
    expect(findJsonProblem({ emoji: '📞', '📞': 1 })).toBeUndefined();
  });

  it.each([9007199254740992, -9007199254740992, 1e300, Infinity, -Infinity, NaN])(
    'refuses a number that JavaScript may have rounded: %d',
    (number) => {
      expect(findJsonProblem({ metadata: { n: number } })).toEqual({
        path: 'metadata.n',
        problem: 'is a number too large to keep exactly; send it as a string',
      });
    },
  );

  it.each([Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0.1, -1.5, 5e-324, 4503599627370495.5])(
    'accepts a number that is exact: %d',
    (number) => {
      expect(findJsonProblem({ n: number })).toBeUndefined();
    },
  );

  it('draws the line at the deepest level allowed', () => {
    expect(findJsonProblem({ a: nested(MAX_JSON_DEPTH) })).toBeUndefined();
    expect(findJsonProblem({ a: nested(MAX_JSON_DEPTH + 1) })?.problem).toBe(
      `is nested more than ${MAX_JSON_DEPTH} levels deep`,
    );
  });

  it('survives nesting that would overflow the stack', () => {
    expect(findJsonProblem({ a: nested(100_000) })?.problem).toContain('levels deep');
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'walks into the field %s like any other',
    (name) => {
      const body: unknown = JSON.parse(`{"${name}": {"x": "\\u0000"}}`);
      expect(findJsonProblem(body)?.path).toBe(`${name}.x`);
    },
  );

  it('calls the body by its name when it is the problem itself', () => {
    expect(findJsonProblem('\0')?.path).toBe('body');
    expect(findJsonProblem({ '\0': 1 })?.path).toBe('body');
  });
});
