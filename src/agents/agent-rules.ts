import { addressProblem, DomainError, type OutboundRules } from '../lib/platform/index.js';
import { type AgentConfiguration } from './agent-configuration.js';
import { type AgentTool, type HttpTool } from './agent-tools.js';
import { templateProblem } from './template-check.js';

interface Problem {
  path: string;
  problem: string;
}

const MAX_HEADERS = 20;
/** A token (RFC 9110 section 5.6.2). */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** The part of RFC 9110 section 5.5 that every server reads alike. */
const HEADER_VALUE = /^[\x20-\x7e]{1,4000}$/;
/** They say how a request is sent (RFC 9110 section 7.6.1, RFC 9112 section 6), which tools do not decide. */
const TRANSPORT_HEADERS = [
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'upgrade',
  'expect',
  'te',
  'trailer',
];

/** The texts that variables are rendered into. */
const TEMPLATES: readonly [path: string, read: (agent: Partial<AgentConfiguration>) => string | null | undefined][] = [
  ['prompt', ({ prompt }) => prompt],
  ['firstMessage', ({ firstMessage }) => firstMessage],
  ['voicemailMessage', ({ voicemailMessage }) => voicemailMessage],
  ['durationWarning', ({ durationWarning }) => durationWarning],
  ['apology', ({ apology }) => apology],
  ['silence.prompt', ({ silence }) => silence?.prompt],
  ['silence.farewell', ({ silence }) => silence?.farewell],
];

/**
 * The rules of an agent that concern several fields or the settings of the server; the fields are checked before.
 * @param outbound where tools may lead
 * @throws DomainError `validation_error` that names each problem by its path: `tools[2].url`
 */
export function checkAgent(changes: Partial<AgentConfiguration>, outbound: OutboundRules): void {
  const tools = changes.tools ?? [];
  refuse(tools.flatMap((tool, n) => (tool.type === 'http' ? headerProblems(tool, `tools[${n}]`) : [])));
  refuse(nameProblems(tools));
  refuse(tools.flatMap((tool, n) => addressProblems(tool, `tools[${n}].url`, outbound)));
  refuse(TEMPLATES.flatMap(([path, read]) => problemAt(path, templateProblem(read(changes) ?? ''))));
}

function headerProblems(tool: HttpTool, path: string): Problem[] {
  const problems = (['headers', 'secretHeaders'] as const).flatMap((field) =>
    headersProblems(tool[field] ?? {}, `${path}.${field}`),
  );
  return problems.length > 0 ? problems : repeatedHeaders(tool, path);
}

function headersProblems(headers: Readonly<Record<string, unknown>>, path: string): Problem[] {
  const entries = Object.entries(headers);
  if (entries.length > MAX_HEADERS) return [{ path, problem: `must have at most ${MAX_HEADERS} headers` }];
  return entries.flatMap(([name, value]) => problemAt(`${path}.${name.slice(0, 100)}`, headerProblem(name, value)));
}

function headerProblem(name: string, value: unknown): string | undefined {
  if (!HEADER_NAME.test(name)) return 'must be the name of an HTTP header';
  if (TRANSPORT_HEADERS.includes(name.toLowerCase())) return 'is a header that tools must not set';
  if (typeof value !== 'string' || !HEADER_VALUE.test(value)) return 'must be 1 to 4000 characters of printable ASCII';
  return undefined;
}

/** Header names have no case (RFC 9110 section 5.1). */
function repeatedHeaders(tool: HttpTool, path: string): Problem[] {
  const seen = new Set<string>();
  return (['headers', 'secretHeaders'] as const).flatMap((field) =>
    Object.keys(tool[field] ?? {}).flatMap((header) => {
      const isRepeated = seen.has(header.toLowerCase());
      seen.add(header.toLowerCase());
      return isRepeated ? [{ path: `${path}.${field}.${header}`, problem: 'is given twice' }] : [];
    }),
  );
}

/** The model calls each tool by a name of its own. */
function nameProblems(tools: readonly AgentTool[]): Problem[] {
  const seen = new Set<string>();
  return tools.flatMap((tool, n) => {
    const name = tool.type === 'http' ? tool.name : tool.type;
    const isRepeated = seen.has(name);
    seen.add(name);
    const field = tool.type === 'http' ? 'name' : 'type';
    return isRepeated ? [{ path: `tools[${n}].${field}`, problem: 'is the name of another tool' }] : [];
  });
}

function addressProblems(tool: AgentTool, path: string, outbound: OutboundRules): Problem[] {
  const problem = tool.type === 'http' ? addressProblem(tool.url, outbound) : undefined;
  return problemAt(path, problem && `cannot be used: ${problem}`);
}

const problemAt = (path: string, problem: string | undefined): Problem[] =>
  problem === undefined ? [] : [{ path, problem }];

function refuse(problems: readonly Problem[]): void {
  const [first] = problems;
  if (!first) return;
  const details: Record<string, string> = {};
  for (const { path, problem } of problems) details[path] ??= problem;
  throw new DomainError('validation_error', `${first.path} ${first.problem}`, details);
}
