import { FlagField, TextField } from '../lib/platform/index.js';
import { type AgentRequest } from './agent-changes.js';
import { AgentConfiguration } from './agent-configuration.js';

const NAME = { description: 'Name of the agent in lists', example: 'Follow-up agent' };

/** The fields of an agent as requests have them: each optional, null for empty. */
const AgentFields = AgentConfiguration as new () => Omit<AgentRequest, 'agentName'>;

/** Absent fields get their defaults. */
export class CreateAgentRequest extends AgentFields {
  @TextField(NAME)
  agentName: string;
}

/** Absent fields keep their value; null empties a field that may be empty. */
export class UpdateAgentRequest extends AgentFields {
  @TextField({ ...NAME, optional: true })
  agentName?: string | null;

  @FlagField({ description: 'true activates a deactivated agent again', example: true, optional: true })
  isActive?: boolean | null;
}
