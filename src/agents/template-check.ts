import mustache, { type OpeningAndClosingTags } from 'mustache';
import { messageOf } from '../lib/platform/index.js';

const TAGS: OpeningAndClosingTags = ['{{', '}}'];
/** Depth of nested sections: each level over a list multiplies the work. */
const MAX_LEVELS = 5;
/** Mustache's search for the end of a tag is quadratic in its white space. */
const MAX_TAG = 1_000;
const MAX_REPETITIONS = 100;

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
    const reason = messageOf(error);
    return `is not a template: ${reason.slice(0, MAX_REPETITIONS)}`;
  }
}

/** Scans the tags for what must not reach the parser. */
function tagProblem(template: string): string | undefined {
  let at = template.indexOf('{{');
  while (at >= 0) {
    const [, kind = ''] = /^\s*(\S?)/.exec(template.slice(at + 2, at + MAX_TAG)) ?? [];
    if (kind === '=') return 'must not change the delimiters';
    const closing = kind === '{' ? '}}}' : '}}';
    const end = template.indexOf(closing, at + 2);
    if (end < 0) return `is not a template: Unclosed tag at ${at}`;
    if (end - at > MAX_TAG) return `must have at most ${MAX_TAG} characters in a tag`;
    at = template.indexOf('{{', end + closing.length);
  }
  return undefined;
}

function problemIn(tokens: readonly Token[], level: number): string | undefined {
  for (const [kind, name, , , inside] of tokens) {
    if (kind === '>') return `must not have partials: {{> ${name.slice(0, MAX_REPETITIONS)}}}`;
    if (!Array.isArray(inside)) continue;
    if (level > MAX_LEVELS) return `must nest sections at most ${MAX_LEVELS} deep`;
    const problem = problemIn(inside, level + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
