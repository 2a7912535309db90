/**
 * JSON schemas of what a language model is to answer: the part of JSON Schema that people write for that, each keyword
 * with its usual meaning. Schemas come from clients, so nothing of them is compiled, and there are no patterns: these
 * can keep a process busy without end. Properties that a schema does not name are left out of what fits it.
 */

const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];
const CHECKS = ['type', 'properties', 'required', 'items', 'enum', 'minimum', 'maximum', 'maxLength', 'maxItems'];
/** For the model to read. */
const NOTES = ['$schema', 'title', 'description', 'format', 'examples', 'default'];
const KEYWORDS = [...CHECKS, ...NOTES, 'additionalProperties'];
const MAX_CHARACTERS = 10_000;
const MAX_LEVELS = 6;

type Schema = Record<string, unknown>;
export type Fitting = { fits: true; value: unknown } | { fits: false; problem: string };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');

/** What makes a schema unusable, as the end of a sentence; undefined when nothing does. */
export function schemaProblem(schema: unknown): string | undefined {
  if (!isObject(schema) || schema['type'] !== 'object') return 'must be a JSON schema with "type": "object"';
  if (JSON.stringify(schema).length > MAX_CHARACTERS) return `must be at most ${MAX_CHARACTERS} characters of JSON`;
  if (!isObject(schema['properties']) || Object.keys(schema['properties']).length === 0) return 'must have properties';
  return problemAt(schema, '', 1);
}

function problemAt(schema: unknown, path: string, level: number): string | undefined {
  const at = path === '' ? '' : ` at ${path}`;
  if (!isObject(schema)) return `must have a schema${at}`;
  if (level > MAX_LEVELS) return `must nest at most ${MAX_LEVELS} levels deep`;
  const unknown = Object.keys(schema).find((keyword) => !KEYWORDS.includes(keyword));
  if (unknown !== undefined)
    return `must not use "${unknown.slice(0, 50)}"${at}; of JSON Schema these are known: ${KEYWORDS.join(', ')}`;
  return problemOfKeywords(schema, at) ?? problemBelow(schema, path, level);
}

function problemOfKeywords(schema: Schema, at: string): string | undefined {
  const types = typesOf(schema);
  if (types.length === 0 || types.some((type) => !TYPES.includes(type)))
    return `must have a type${at}: one or several of ${TYPES.join(', ')}`;
  const { enum: choices, required } = schema;
  if (choices !== undefined && (!Array.isArray(choices) || choices.length === 0 || choices.some(isNested)))
    return `must have plain values in enum${at}`;
  if (required !== undefined && !isTexts(required)) return `must have names in required${at}`;
  const numbers = ['minimum', 'maximum', 'maxLength', 'maxItems'].filter((keyword) => schema[keyword] !== undefined);
  const wrong = numbers.find((keyword) => typeof schema[keyword] !== 'number');
  if (wrong !== undefined) return `must have a number in ${wrong}${at}`;
  // A model has no reason to add any, and what it adds is left out.
  if (schema['additionalProperties'] !== undefined && schema['additionalProperties'] !== false)
    return `must have nothing but false in additionalProperties${at}`;
  return undefined;
}

function problemBelow(schema: Schema, path: string, level: number): string | undefined {
  const { properties, items, required } = schema;
  if (properties !== undefined && !isObject(properties)) return `must have an object in properties at ${path}`;
  const missing = isTexts(required) && required.find((name) => !Object.hasOwn(properties ?? {}, name));
  if (typeof missing === 'string') return `must describe the property ${missing.slice(0, 50)} that it requires`;
  for (const [name, below] of Object.entries(properties ?? {})) {
    const problem = problemAt(below, path === '' ? name : `${path}.${name}`, level + 1);
    if (problem !== undefined) return problem;
  }
  return items === undefined ? undefined : problemAt(items, `${path}[]`, level + 1);
}

/** Fits an answer to a schema that `schemaProblem` finds nothing wrong with. */
export function fitToSchema(schema: object, value: unknown, path = 'answer'): Fitting {
  const known = schema as Schema;
  const problem = mismatch(known, value);
  if (problem !== undefined) return { fits: false, problem: `${path} ${problem}` };
  if (Array.isArray(value)) return fitItems(known, value, path);
  return isObject(value) ? fitProperties(known, value, path) : { fits: true, value };
}

function fitItems({ items }: Schema, value: readonly unknown[], path: string): Fitting {
  if (!isObject(items)) return { fits: true, value };
  const fitted: unknown[] = [];
  for (const [i, item] of value.entries()) {
    const fitting = fitToSchema(items, item, `${path}[${i}]`);
    if (!fitting.fits) return fitting;
    fitted.push(fitting.value);
  }
  return { fits: true, value: fitted };
}

function fitProperties(schema: Schema, value: Record<string, unknown>, path: string): Fitting {
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const required = isTexts(schema['required']) ? schema['required'] : [];
  const lacking = required.find((name) => !Object.hasOwn(value, name));
  if (lacking !== undefined) return { fits: false, problem: `${path} has no ${lacking}` };
  const fitted: [string, unknown][] = [];
  for (const [name, below] of Object.entries(properties)) {
    if (!Object.hasOwn(value, name)) continue;
    const fitting = fitToSchema(below as Schema, value[name], `${path}.${name}`);
    if (!fitting.fits) return fitting;
    fitted.push([name, fitting.value]);
  }
  return { fits: true, value: Object.fromEntries(fitted) };
}

/** Why a value is not what a schema says of it, what is inside it aside. */
function mismatch(schema: Schema, value: unknown): string | undefined {
  const types = typesOf(schema);
  if (!types.some((type) => isOfType(type, value))) return `is not of type ${types.join(' or ')}`;
  const { enum: choices, minimum, maximum, maxLength, maxItems } = schema;
  if (Array.isArray(choices) && !choices.includes(value)) return 'is none of the values allowed';
  if (typeof value === 'number' && typeof minimum === 'number' && value < minimum) return `is less than ${minimum}`;
  if (typeof value === 'number' && typeof maximum === 'number' && value > maximum) return `is more than ${maximum}`;
  if (typeof value === 'string' && typeof maxLength === 'number' && [...value].length > maxLength)
    return `is longer than ${maxLength} characters`;
  if (Array.isArray(value) && typeof maxItems === 'number' && value.length > maxItems)
    return `has more than ${maxItems} items`;
  return undefined;
}

function typesOf({ type }: Schema): string[] {
  if (typeof type === 'string') return [type];
  return isTexts(type) ? type : [];
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'integer':
      return Number.isSafeInteger(value);
    default:
      return typeof value === type;
  }
}

const isNested = (value: unknown): boolean => typeof value === 'object' && value !== null;
