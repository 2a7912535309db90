import { templateProblem } from './template-check.js';

const nested = (levels: number) => '{{#a}}'.repeat(levels) + 'x' + '{{/a}}'.repeat(levels);

describe('a template', () => {
  it.each([
    '',
    'Hello.',
    'Hello {{customerName}}, {{ company }}.',
    '{{{raw}}} {{&raw}} {{a.b}} {{.}}',
    '{{#vip}}Dear {{name}}{{/vip}}{{^vip}}Hi{{/vip}}',
    '{{! a note > = }}',
    'a } b }} c { d',
    nested(5),
  ])('may be %j', (template) => {
    expect(templateProblem(template)).toBeUndefined();
  });

  it.each([
    ['Hello {{name', 'is not a template: Unclosed tag at 6'],
    ['{{#vip}}Dear', 'is not a template: Unclosed section "vip" at 12'],
    ['{{/vip}}', 'is not a template: Unopened section "vip" at 0'],
    ['{{#a}}{{#b}}{{/a}}{{/b}}', 'is not a template: Unclosed section "b" at 12'],
    ['{{> footer}}', 'must not have partials: {{> footer}}'],
    ['{{#a}}{{^b}}{{>x}}{{/b}}{{/a}}', 'must not have partials: {{> x}}'],
    ['{{=<% %>=}}<% name %>', 'must not change the delimiters'],
    ['{{a}}{{ =| |= }}', 'must not change the delimiters'],
    ['{{{a }} b', 'is not a template: Unclosed tag at 0'],
    ['{{ {a}} b', 'is not a template: Unclosed tag at 0'],
    // The parser would take seconds for these.
    [`{{a${' '.repeat(49_000)}x}}`, 'must have at most 1000 characters in a tag'],
    [`{{{a }}${' '.repeat(49_000)}x}}}`, 'must have at most 1000 characters in a tag'],
    [`{{a${' '.repeat(49_000)}`, 'is not a template: Unclosed tag at 0'],
    [`{{${' '.repeat(49_000)}={{a}}`, 'must have at most 1000 characters in a tag'],
    [nested(6), 'must nest sections at most 5 deep'],
    [nested(4_000), 'must nest sections at most 5 deep'],
  ])('may not be %j', (template, problem) => {
    expect(templateProblem(template)).toBe(problem);
  });
});
