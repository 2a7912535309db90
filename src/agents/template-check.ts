import mustache, { type OpeningAndClosingTags } from 'mustache';

const TAGS: OpeningAndClosingTags = ['{{', '}}'];
/** Depth of nested sections: each level over a list multiplies the work. */
const MOST_LEVELS = 5;
/** Mustache's search for the end of a tag is quadratic in its white space. */
const MOST_IN_TAG = 1_000;
const MOST_REPEATED = 100;

/** The used part of a Mustache token: kind, name, and the tokens inside of a section. */
type Token = readonly [kind: string, name: string, from: number, to: number, inside?: Token[]];

/**
 * The problem of a Mustache template, as the end of a sentence; undefined for a usable one. Variables and sections are
 * allowed, partials and other delimiters are not.
 */
export function templateProblem(template: string): string | undefined {
  const problem = tagProblem(template);
  if (problem !== undefined) return problem;
  // A writer without a cache, which would keep every template.
  const writer = new mustache.Writer();
  (writer as { templateCache?: unknown }).templateCache = undefined;
  try {
    return problemIn(writer.parse(template, TAGS) as Token[], 1);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `is not a template: ${reason.slice(0, MOST_REPEATED)}`;
  }
}

/** Scans the tags for what must not reach the parser. */
function tagProblem(template: string): string | undefined {
  let at = template.indexOf('{{');
  while (at >= 0) {
    const [, kind = ''] = /^\s*(\S?)/.exec(template.slice(at + 2, at + MOST_IN_TAG)) ?? [];
    if (kind === '=') return 'must not change the delimiters';
    const closing = kind === '{' ? '}}}' : '}}';
    const end = template.indexOf(closing, at + 2);
    if (end < 0) return `is not a template: Unclosed tag at ${at}`;
    if (end - at > MOST_IN_TAG) return `must have at most ${MOST_IN_TAG} characters in a tag`;
    at = template.indexOf('{{', end + closing.length);
  }
  return undefined;
}

function problemIn(tokens: readonly Token[], level: number): string | undefined {
  for (const [kind, name, , , inside] of tokens) {
    if (kind === '>') return `must not have partials: {{> ${name.slice(0, MOST_REPEATED)}}}`;
    if (!Array.isArray(inside)) continue;
    if (level > MOST_LEVELS) return `must nest sections at most ${MOST_LEVELS} deep`;
    const problem = problemIn(inside, level + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
