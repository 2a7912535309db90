import { AGENT_FIELDS, type AgentConfiguration } from './agent-configuration.js';
import { type VersionedConfiguration } from './agent-version.entity.js';

/** The fields of an agent in a request. null empties a field that may be empty, and counts as absent for another. */
export type AgentRequest = { [Field in keyof AgentConfiguration]?: AgentConfiguration[Field] | null };

/** A new agent with nothing but its name. */
const DEFAULTS = {
  ...(Object.fromEntries(AGENT_FIELDS.map((field) => [field.name, field.default])) as Omit<
    AgentConfiguration,
    'agentName'
  >),
  greetingAudioSha256: null,
};
const FIELDS = ['agentName', ...Object.keys(DEFAULTS)] as (keyof VersionedConfiguration)[];

export const newConfiguration = (agentName: string, request: AgentRequest): VersionedConfiguration => ({
  agentName,
  ...DEFAULTS,
  ...changesOf(request),
});

/** The changes of a request. null empties a field that may be empty, and keeps the value of another. */
export function changesOf(request: AgentRequest): Partial<AgentConfiguration> {
  const empty: Partial<AgentRequest> = { ...DEFAULTS, knowledgeBaseIds: null };
  const said = FIELDS.filter((field) => field !== 'greetingAudioSha256')
    .filter((field) => request[field] !== undefined && (request[field] !== null || empty[field] === null))
    .map((field) => [field, request[field] ?? (field === 'knowledgeBaseIds' ? [] : null)]);
  return Object.fromEntries(said) as Partial<AgentConfiguration>;
}

/** The changes that differ from the present values. The order of properties counts: models read them in that order. */
export function differences<T extends object>(now: T, changes: Partial<T>): Partial<T> {
  const different = Object.entries(changes).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(now[name as keyof T]),
  );
  return Object.fromEntries(different) as Partial<T>;
}

/** The configuration that a version of an agent keeps. */
export const configurationOf = (agent: VersionedConfiguration): VersionedConfiguration =>
  Object.fromEntries(FIELDS.map((field) => [field, agent[field]])) as unknown as VersionedConfiguration;

/** A version with today's fields: versions of older releases have fewer. */
export const upToDate = (configuration: VersionedConfiguration): VersionedConfiguration => ({
  ...DEFAULTS,
  ...configuration,
});

/** Whether a change makes a new version. */
export const isVersioned = (changes: object): boolean => FIELDS.some((field) => Object.hasOwn(changes, field));
