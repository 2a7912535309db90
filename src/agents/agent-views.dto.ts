import { ApiProperty, IntersectionType } from '@nestjs/swagger';
import { fieldSchema } from '../lib/platform/index.js';
import { AGENT_FIELDS, AgentConfiguration, CALL_DIRECTIONS, type CallDirection } from './agent-configuration.js';
import { configurationOf, upToDate } from './agent-changes.js';
import { maskSecrets } from './agent-secrets.js';
import { type AgentVersionEntity, type VersionedConfiguration } from './agent-version.entity.js';
import { type AgentEntity, EXAMPLE_AGENT_ID } from './agent.entity.js';

const TIME = { format: 'date-time', example: '2026-04-05T13:59:00.000Z' };
/** An agent in a list, as the contract has it. */
export class AgentSummary {
  @ApiProperty({ example: EXAMPLE_AGENT_ID })
  id: string;

  @ApiProperty({ example: 'Follow-up agent' })
  agentName: string;

  @ApiProperty({ example: 'VOICE' })
  agentType: string;

  @ApiProperty({ enum: CALL_DIRECTIONS, example: 'OUTBOUND' })
  callDirection: CallDirection;

  @ApiProperty({ type: String, nullable: true, example: 'en-US-calm' })
  voiceId: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'en-US' })
  language: string | null;

  @ApiProperty({ example: true })
  isActive: boolean;

  @ApiProperty(TIME)
  createdAt: Date;
}

/** An agent at one moment, with every field. */
export class AgentConfigurationView extends AgentConfiguration {
  @ApiProperty({ example: 'Follow-up agent' })
  override agentName: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'SHA-256 of the greeting audio as PCM16 at 8 kHz; null without one',
    example: null,
  })
  greetingAudioSha256: string | null;
}

for (const { name, default: value } of AGENT_FIELDS) {
  // Limits concern requests.
  const {
    minLength: _1,
    maxLength: _2,
    minimum: _3,
    maximum: _4,
    minItems: _5,
    maxItems: _6,
    ...schema
  } = fieldSchema(AgentConfiguration, name) as Record<string, unknown>;
  ApiProperty({ ...schema, required: true, ...(value === null && { nullable: true }) })(
    AgentConfigurationView.prototype,
    name,
  );
}

export class AgentView extends IntersectionType(AgentSummary, AgentConfigurationView) {
  @ApiProperty({ type: 'integer', description: 'Grows by one with each change of the configuration', example: 1 })
  version: number;

  @ApiProperty(TIME)
  updatedAt: Date;
}

/** A version in a list. */
export class AgentVersionSummary {
  @ApiProperty({ type: 'integer', example: 1 })
  version: number;

  @ApiProperty(TIME)
  createdAt: Date;
}

export class AgentVersionView extends AgentVersionSummary {
  @ApiProperty({ description: 'The configuration of that version; PATCH with it restores it' })
  configuration: AgentConfigurationView;
}

export class GreetingAudioView {
  @ApiProperty({ type: 'integer', description: 'Duration, milliseconds', example: 4_200 })
  durationMs: number;
}

export const toAgentSummary = (agent: AgentEntity): AgentSummary => ({
  id: agent.id,
  agentName: agent.agentName,
  agentType: agent.agentType,
  callDirection: agent.callDirection,
  voiceId: agent.voiceId,
  language: agent.language,
  isActive: agent.isActive,
  createdAt: agent.createdAt,
});

export const toAgentView = (agent: AgentEntity): AgentView => ({
  ...toAgentSummary(agent),
  ...toConfigurationView(configurationOf(agent)),
  version: agent.version,
  updatedAt: agent.updatedAt,
});

export const toVersionSummary = ({ version, createdAt }: AgentVersionSummary): AgentVersionSummary => ({
  version,
  createdAt,
});

export const toVersionView = ({ version, createdAt, configuration }: AgentVersionEntity): AgentVersionView => ({
  version,
  createdAt,
  configuration: toConfigurationView(upToDate(configuration)),
});

const toConfigurationView = (configuration: VersionedConfiguration): AgentConfigurationView => ({
  ...configuration,
  tools: configuration.tools && maskSecrets(configuration.tools),
});
