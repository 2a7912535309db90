import { fillIn } from './fill-in.js';

describe('filling in variables', () => {
  it.each([
    ['Hello {{name}}.', 'Hello Ann.'],
    ['Hello {{ name }} and {{  name\n}}.', 'Hello Ann and Ann.'],
    ['{{name}}{{name}}', 'AnnAnn'],
    ['{{count}} of {{share}}, {{yes}}', '3 of 0.5, true'],
    ['{{zero}}{{no}}', '0false'],
    ['{{first name}}', 'Bob'],
    ['{{ключ}}', 'да'],
  ])('%j → %j', (text, filled) => {
    const variables = { name: 'Ann', count: 3, share: 0.5, yes: true, zero: 0, no: false };
    expect(fillIn(text, { ...variables, 'first name': 'Bob', ключ: 'да' })).toBe(filled);
  });

  it.each([
    ['not given', {}],
    ['null', { name: null }],
    ['undefined', { name: undefined }],
    ['an object', { name: { first: 'Ann' } }],
    ['a list', { name: ['Ann'] }],
  ])('leaves nothing for what is %s', (_, variables) => {
    expect(fillIn('Hello {{name}}.', variables)).toBe('Hello .');
  });

  it.each(['toString', '__proto__', 'constructor', 'hasOwnProperty'])('knows no %s that was not given', (name) => {
    expect(fillIn(`Hello {{${name}}}.`, {})).toBe('Hello .');
  });

  it.each(['Hello {name}.', 'Hello {{name', 'Hello {{}}.', 'Hello {{na{me}}.', '}}name{{', ''])('leaves %j', (text) => {
    expect(fillIn(text, { name: 'Ann' })).toBe(text);
  });

  it('takes values as they are: neither as templates nor as replacement patterns', () => {
    expect(fillIn('{{a}} {{b}}', { a: '{{b}}', b: "$& $1 $' $$" })).toBe("{{b}} $& $1 $' $$");
  });

  it('finds the inner of braces within braces', () => {
    expect(fillIn('{{{name}}}', { name: 'Ann' })).toBe('{Ann}');
  });

  it('reads hostile text once', () => {
    // With a pattern that can match spaces in three ways this would not end within the life of the test.
    const text = `{{${' '.repeat(100_000)}`.repeat(5);
    expect(fillIn(text, {})).toBe(text);
  });
});
