/** How deep a JSON body may nest. Far above what people write, far below what overflows a stack. */
export const MAX_JSON_DEPTH = 32;

export interface JsonProblem {
  /** Where, as a client would write it: `metadata.items[3]`. */
  path: string;
  problem: string;
}

/**
 * Finds what parsed JSON can hold and a store cannot give back unchanged: text with NUL or an unpaired surrogate
 * (PostgreSQL's jsonb refuses both), numbers that JavaScript has already rounded, and nesting without end.
 * Walks without recursion, so that hostile nesting cannot overflow the stack. Returns the first problem found.
 */
export function findJsonProblem(body: unknown): JsonProblem | undefined {
  const open: { value: unknown; path: string; depth: number }[] = [{ value: body, path: '', depth: 0 }];
  for (let node = open.pop(); node; node = open.pop()) {
    const { value, path, depth } = node;
    const problem = describeProblem(value, depth);
    if (problem) return { path: path || 'body', problem };
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, child] of Object.entries(value)) {
      const where = Array.isArray(value) ? `${path}[${key}]` : path ? `${path}.${key}` : key;
      const badKey = textProblem(key);
      if (badKey) return { path: path || 'body', problem: `has a field name that ${badKey}` };
      open.push({ value: child, path: where, depth: depth + 1 });
    }
  }
  return undefined;
}

function describeProblem(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') {
    const problem = textProblem(value);
    return problem && `contains text that ${problem}`;
  }
  if (
    typeof value === 'number' &&
    (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
  )
    return 'is a number too large to keep exactly; send it as a string';
  if (typeof value === 'object' && value !== null && depth > MAX_JSON_DEPTH)
    return `is nested more than ${MAX_JSON_DEPTH} levels deep`;
  return undefined;
}

/** What makes a text unstorable, as the end of a sentence, or undefined. */
export function textProblem(text: string): string | undefined {
  if (text.includes('\0')) return 'has a NUL character';
  return isWellFormed(text) ? undefined : 'is not well-formed Unicode (an unpaired surrogate)';
}

const LONE_SURROGATE = /\p{Cs}/u;
const isWellFormed = (text: string): boolean => !LONE_SURROGATE.test(text);
