import { addressProblem, DomainError, type OutboundRules, schemaProblem } from '../lib/platform/index.js';
import { type AgentConfiguration, type AgentTool } from './agent-configuration.js';
import { SETTINGS_CHECKS } from './agent-settings-check.js';
import { TOOLS_CHECK } from './agent-tools-check.js';
import { type Check, type Problem } from './shape-check.js';
import { templateProblem } from './template-check.js';

const CHECKS: Readonly<Record<string, Check>> = {
  ...SETTINGS_CHECKS,
  tools: TOOLS_CHECK,
  analysisSchema: (value, path) => told(path, schemaProblem(value)),
};

/** The texts that variables are put into. */
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
 * Checks what the classes of requests cannot: what is inside of fields.
 * @param outbound where tools may lead
 * @throws DomainError `validation_error` that names each problem by its path: `tools[2].url`
 */
export function checkChanges(changes: Partial<AgentConfiguration>, outbound: OutboundRules): void {
  const given = Object.entries(changes).filter(([, value]) => value != null);
  refuse(given.flatMap(([field, value]) => CHECKS[field]?.(value, field) ?? []));
  refuse((changes.tools ?? []).flatMap((tool, n) => addressProblems(tool, `tools[${n}].url`, outbound)));
  refuse(TEMPLATES.flatMap(([path, read]) => told(path, templateProblem(read(changes) ?? ''))));
}

function addressProblems(tool: AgentTool, path: string, outbound: OutboundRules): Problem[] {
  const problem = tool.type === 'http' ? addressProblem(tool.url, outbound) : undefined;
  return told(path, problem && `cannot be used: ${problem}`);
}

const told = (path: string, problem: string | undefined): Problem[] =>
  problem === undefined ? [] : [{ path, problem }];

function refuse(problems: readonly Problem[]): void {
  const [first] = problems;
  if (!first) return;
  const details: Record<string, string> = {};
  for (const { path, problem } of problems) details[path] ??= problem;
  throw new DomainError('validation_error', `${first.path} ${first.problem}`, details);
}
