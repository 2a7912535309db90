/**
 * Checks of values inside requests, put together like the shapes that they describe. A problem names the path of what
 * is wrong, and its words are the end of a sentence that begins with the path. What a shape does not know is refused: a
 * setting with a typo in its name would be silently without effect.
 */

export interface Problem {
  path: string;
  problem: string;
}

export type Check = (value: unknown, path: string) => Problem[];

/** How much of a client's own words is repeated to it. */
const MOST_REPEATED = 50;

export const rule =
  (holds: (value: unknown) => boolean, problem: string): Check =>
  (value, path) =>
    holds(value) ? [] : [{ path, problem }];

export const text = (max: number): Check =>
  rule(
    (value) => typeof value === 'string' && value.length >= 1 && value.length <= max,
    `must be text of 1 to ${max} characters`,
  );

export const number = (min: number, max: number): Check =>
  rule((value) => typeof value === 'number' && value >= min && value <= max, `must be a number from ${min} to ${max}`);

export const whole = (min: number, max: number): Check =>
  rule(
    (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
    `must be a whole number from ${min} to ${max}`,
  );

export const flag: Check = rule((value) => typeof value === 'boolean', 'must be true or false');

export const oneOf = (words: readonly string[]): Check =>
  rule((value) => typeof value === 'string' && words.includes(value), `must be one of ${words.join(', ')}`);

/** All of the checks, up to the first that finds something. */
export const all =
  (...checks: Check[]): Check =>
  (value, path) => {
    for (const check of checks) {
      const problems = check(value, path);
      if (problems.length > 0) return problems;
    }
    return [];
  };

export const list =
  (item: Check, min: number, max: number): Check =>
  (value, path) => {
    if (!Array.isArray(value) || value.length < min || value.length > max)
      return [{ path, problem: `must be a list of ${min} to ${max}` }];
    return value.flatMap((each, n) => item(each, `${path}[${n}]`));
  };

/** An object of these fields and no others; the `required` ones must be there. */
export const object =
  (fields: Readonly<Record<string, Check>>, required: readonly string[] = []): Check =>
  (value, path) => {
    if (!isObject(value)) return [{ path, problem: 'must be an object' }];
    const missing = required.filter((name) => value[name] === undefined);
    return [
      ...missing.map((name) => ({ path: `${path}.${name}`, problem: 'is required' })),
      ...Object.entries(value).flatMap(([name, each]): Problem[] => {
        const check = Object.hasOwn(fields, name) ? fields[name] : undefined;
        const at = `${path}.${name.slice(0, MOST_REPEATED)}`;
        if (!check) return [{ path: at, problem: `is not known; there are ${Object.keys(fields).join(', ')}` }];
        return each === undefined ? [] : check(each, at);
      }),
    ];
  };

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
