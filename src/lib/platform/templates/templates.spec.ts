import { fillIn, TemplateError } from './templates.js';

describe('filling in a template', () => {
  it.each([
    ['Hello {{name}}.', 'Hello Ann.'],
    ['Hello {{ name }} and {{  name\n}}.', 'Hello Ann and Ann.'],
    ['{{count}} of {{share}}, {{yes}}', '3 of 0.5, true'],
    ['{{zero}}{{no}}{{empty}}', '0false'],
    ['{{first name}}', 'Bob'],
    ['{{ключ}}', 'да'],
    ['{{{name}}}{{&name}}', 'AnnAnn'],
    ['{{order.id}}', '7'],
    ['{{#yes}}Welcome back. {{/yes}}{{^yes}}Welcome. {{/yes}}', 'Welcome back. '],
    ['{{#items}}{{title}}, {{/items}}', 'a, b, '],
    ['{{! for colleagues }}Hello', 'Hello'],
    ['Hello {name}, }} {', 'Hello {name}, }} {'],
    ['', ''],
  ])('%j → %j', (template, text) => {
    const variables = {
      ...{ name: 'Ann', count: 3, share: 0.5, yes: true, zero: 0, no: false, empty: '', 'first name': 'Bob' },
      ...{ ключ: 'да', order: { id: 7 }, items: [{ title: 'a' }, { title: 'b' }] },
    };
    expect(fillIn(template, variables)).toEqual({ text, missing: [] });
  });

  it.each([
    ['not given', {}],
    ['null', { name: null }],
    ['undefined', { name: undefined }],
    ['an object', { name: { first: 'Ann' } }],
    ['a list', { name: ['Ann'] }],
    ['a function', { name: () => 'Ann' }],
  ])('leaves nothing for what is %s, and tells', (_, variables) => {
    expect(fillIn('Hello {{name}}, {{name}}.', variables)).toEqual({ text: 'Hello , .', missing: ['name'] });
  });

  it('does not miss what is only asked about', () => {
    expect(fillIn('{{#vip}}Dear {{name}}{{/vip}}{{^vip}}Hello{{/vip}}', {})).toEqual({ text: 'Hello', missing: [] });
  });

  it.each(['toString', '__proto__', 'constructor', 'hasOwnProperty', 'items.constructor', 'items.pop'])(
    'knows no %s that was not given',
    (name) => {
      expect(fillIn(`Hello {{${name}}}.`, { items: ['a'] })).toEqual({ text: 'Hello .', missing: [name] });
    },
  );

  it('takes values as they are: neither as templates nor as replacement patterns nor as HTML', () => {
    const variables = { a: '{{b}}', b: "$& $1 $' $$", c: '<b>"&' };
    expect(fillIn('{{a}} {{b}} {{c}}', variables).text).toBe(`{{b}} $& $1 $' $$ <b>"&`);
  });

  it.each(['Hello {{name', '{{#a}}', '{{/a}}', '{{#a}}{{#b}}{{/a}}{{/b}}'])('refuses %j', (template) => {
    expect(() => fillIn(template, {})).toThrow(TemplateError);
  });

  it('does not go on for ever', () => {
    const list = Array.from({ length: 200 }, () => 1);
    expect(() => fillIn('{{#a}}{{#a}}{{#a}}x{{/a}}{{/a}}{{/a}}', { a: list })).toThrow(/more than/);
    expect(() => fillIn(`{{#a}}${'x'.repeat(2_000)}{{/a}}`, { a: list })).toThrow(/longer than/);
  });
});
