import { HTTP_METHODS, TRANSFER_MODES } from './agent-configuration.js';
import { schemaProblem } from '../lib/platform/json-schema/json-schema.js';
import { isPlainUrl } from '../provider-accounts/plain-url.js';
import { all, type Check, isObject, list, object, oneOf, type Problem, rule, text, whole } from './shape-check.js';

const MOST_TOOLS = 20;
const MOST_BYTES = 50_000;
const MOST_HEADERS = 20;
const MOST_TARGETS = 20;
const NAME = /^[a-z][a-z0-9_]{0,63}$/;
/** A token (RFC 9110 §5.6.2). */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** Of RFC 9110 §5.5 what every server reads alike. */
const HEADER_VALUE = /^[\x20-\x7e]{1,4000}$/;
/** Those that say how a request is sent (RFC 9110 §7.6.1, RFC 9112 §6), which is not for tools to decide. */
const OUR_HEADERS = [
  ...['host', 'content-length', 'transfer-encoding', 'connection', 'keep-alive', 'proxy-connection'],
  ...['upgrade', 'expect', 'te', 'trailer'],
];

/** What the model calls the tools that agents choose. */
const CHOSEN = ['end_call', 'send_dtmf', 'leave_voicemail', 'transfer_call'];
/** Agents with knowledge bases have the last one as well. */
const OUR_NAMES = [...CHOSEN, 'search_knowledge'];

const url: Check = rule(
  isPlainUrl,
  'must be an absolute http or https URL of at most 2000 characters, without credentials and fragment',
);

const headers: Check = (value, path) => {
  if (!isObject(value)) return [{ path, problem: 'must be an object' }];
  if (Object.keys(value).length > MOST_HEADERS) return [{ path, problem: `must have at most ${MOST_HEADERS} headers` }];
  return Object.entries(value).flatMap(([name, each]) => headerProblem(name, each, `${path}.${name.slice(0, 100)}`));
};

function headerProblem(name: string, value: unknown, path: string): Problem[] {
  if (!HEADER_NAME.test(name)) return [{ path, problem: 'must be the name of an HTTP header' }];
  if (OUR_HEADERS.includes(name.toLowerCase())) return [{ path, problem: 'is a header that tools must not set' }];
  if (typeof value !== 'string' || !HEADER_VALUE.test(value))
    return [{ path, problem: 'must be 1 to 4000 characters of printable ASCII' }];
  return [];
}

const parameters: Check = (value, path) => {
  const problem = schemaProblem(value);
  return problem === undefined ? [] : [{ path, problem }];
};

const target = object(
  {
    number: rule(
      (value) => typeof value === 'string' && /^\+\d{7,15}$/.test(value),
      'must be a phone number in E.164 format, like +14155550123',
    ),
    description: text(500),
  },
  ['number', 'description'],
);

const name: Check = all(
  rule(
    (value) => typeof value === 'string' && NAME.test(value),
    'must be a small letter and up to 63 small letters, digits and _',
  ),
  rule((value) => !OUR_NAMES.includes(value as string), 'is the name of another tool'),
);

const type = oneOf([...CHOSEN, 'http']);

const CHECKS: Readonly<Record<string, Check>> = {
  end_call: object({ type }),
  send_dtmf: object({ type }),
  leave_voicemail: object({ type }),
  transfer_call: object(
    { type, targets: list(target, 1, MOST_TARGETS), mode: oneOf(TRANSFER_MODES), ringSeconds: whole(5, 120) },
    ['targets'],
  ),
  http: all(
    object(
      {
        ...{ type, name, description: text(1_000), parameters, method: oneOf(HTTP_METHODS), url },
        ...{ headers, secretHeaders: headers, timeoutMs: whole(500, 30_000), filler: text(500) },
      },
      ['name', 'description', 'url'],
    ),
    (tool, path) => repeatedHeaders(tool as Record<string, object | undefined>, path),
  ),
};

/** Names of headers have no case (RFC 9110 §5.1). */
function repeatedHeaders(tool: Readonly<Record<string, object | undefined>>, path: string): Problem[] {
  const seen = new Set<string>();
  return ['headers', 'secretHeaders'].flatMap((field) =>
    Object.keys(tool[field] ?? {}).flatMap((header) => {
      const isRepeated = seen.has(header.toLowerCase());
      seen.add(header.toLowerCase());
      return isRepeated ? [{ path: `${path}.${field}.${header}`, problem: 'is given twice' }] : [];
    }),
  );
}

const tool: Check = (value, path) => {
  if (!isObject(value)) return [{ path, problem: 'must be an object' }];
  if (value['type'] === undefined) return [{ path: `${path}.type`, problem: 'is required' }];
  const wrong = type(value['type'], `${path}.type`);
  return wrong.length > 0 ? wrong : (CHECKS[value['type'] as string]?.(value, path) ?? []);
};

/** No two tools that the model would call by one name. */
const differentNames: Check = (tools, path) => {
  const seen = new Set<unknown>();
  return (tools as { type: string; name?: string }[]).flatMap((each, n) => {
    const called = each.type === 'http' ? each.name : each.type;
    const isRepeated = seen.has(called);
    seen.add(called);
    const field = each.type === 'http' ? 'name' : 'type';
    return isRepeated ? [{ path: `${path}[${n}].${field}`, problem: 'is the name of another tool' }] : [];
  });
};

/** What the tools of an agent must be. */
export const TOOLS_CHECK: Check = all(
  rule(
    (value) => !Array.isArray(value) || Buffer.byteLength(JSON.stringify(value)) <= MOST_BYTES,
    `must be at most ${MOST_BYTES / 1_000} kB of JSON`,
  ),
  list(tool, 0, MOST_TOOLS),
  differentNames,
);
