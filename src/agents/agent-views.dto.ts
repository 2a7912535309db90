import { ApiProperty, IntersectionType } from '@nestjs/swagger';
import {
  type AgentConfiguration,
  type AgentTool,
  CALL_DIRECTIONS,
  type CallDirection,
  type EndpointingChoice,
  FIRST_SPEAKERS,
  type FirstSpeaker,
  type InterruptionChoice,
  MACHINE_CHOICES,
  type MachineChoice,
  type ProviderChoices,
  type SilenceChoice,
} from './agent-configuration.js';
import { configurationOf, upToDate } from './agent-changes.js';
import * as FIELD from './agent-fields.js';
import { maskSecrets } from './agent-secrets.js';
import { type AgentVersionEntity, type VersionedConfiguration } from './agent-version.entity.js';
import { type AgentEntity, EXAMPLE_AGENT_ID } from './agent.entity.js';

const TIME = { format: 'date-time', example: '2026-04-05T13:59:00.000Z' };
const text = (example: unknown) => ({ type: String, nullable: true, example });
const json = ({ description, example }: { description: string; example: unknown }) =>
  ({ type: 'object', additionalProperties: true, nullable: true, description, example }) as const;

/** An agent in a list, as the contract has it. */
export class AgentSummary {
  @ApiProperty({ example: EXAMPLE_AGENT_ID })
  id: string;

  @ApiProperty({ example: FIELD.NAME.example })
  agentName: string;

  @ApiProperty({ example: FIELD.TYPE.example })
  agentType: string;

  @ApiProperty({ enum: CALL_DIRECTIONS, example: 'OUTBOUND' })
  callDirection: CallDirection;

  @ApiProperty(text(FIELD.VOICE.example))
  voiceId: string | null;

  @ApiProperty(text(FIELD.LANGUAGE.example))
  language: string | null;

  @ApiProperty({ example: true })
  isActive: boolean;

  @ApiProperty(TIME)
  createdAt: Date;
}

/** What an agent is at one moment. */
export class AgentConfigurationView implements AgentConfiguration {
  @ApiProperty({ example: FIELD.NAME.example })
  agentName: string;

  @ApiProperty({ example: FIELD.TYPE.example })
  agentType: string;

  @ApiProperty({ enum: CALL_DIRECTIONS, example: 'OUTBOUND' })
  callDirection: CallDirection;

  @ApiProperty(text(FIELD.PROMPT.example))
  prompt: string | null;

  @ApiProperty(text(FIELD.FIRST_MESSAGE.example))
  firstMessage: string | null;

  @ApiProperty({ enum: FIRST_SPEAKERS, example: 'agent' })
  firstSpeaker: FirstSpeaker;

  @ApiProperty(text(FIELD.VOICE.example))
  voiceId: string | null;

  @ApiProperty(text(FIELD.LANGUAGE.example))
  language: string | null;

  @ApiProperty(text(FIELD.MODEL.example))
  model: string | null;

  @ApiProperty({ type: Number, nullable: true, example: FIELD.TEMPERATURE.example })
  temperature: number | null;

  @ApiProperty(json(FIELD.PROVIDERS))
  providers: ProviderChoices | null;

  @ApiProperty(json(FIELD.ENDPOINTING))
  endpointing: EndpointingChoice | null;

  @ApiProperty(json(FIELD.INTERRUPTION))
  interruption: InterruptionChoice | null;

  @ApiProperty(json(FIELD.SILENCE))
  silence: SilenceChoice | null;

  @ApiProperty({ type: 'integer', nullable: true, example: FIELD.MAX_DURATION.example })
  maxDurationSeconds: number | null;

  @ApiProperty(text(FIELD.DURATION_WARNING.example))
  durationWarning: string | null;

  @ApiProperty(text(FIELD.APOLOGY.example))
  apology: string | null;

  @ApiProperty({ type: 'array', nullable: true, items: FIELD.TOOLS.items, example: FIELD.TOOLS.example })
  tools: AgentTool[] | null;

  @ApiProperty({ type: [String], example: FIELD.KNOWLEDGE_BASES.example })
  knowledgeBaseIds: string[];

  @ApiProperty({ example: true })
  recordCalls: boolean;

  @ApiProperty({ enum: MACHINE_CHOICES, example: 'leave_message' })
  onMachine: MachineChoice;

  @ApiProperty(text(FIELD.VOICEMAIL.example))
  voicemailMessage: string | null;

  @ApiProperty({ type: 'integer', example: FIELD.LISTEN.example })
  listenSeconds: number;

  @ApiProperty(json(FIELD.ANALYSIS_SCHEMA))
  analysisSchema: Record<string, unknown> | null;

  @ApiProperty(FIELD.GREETING_SHA256)
  greetingAudioSha256: string | null;
}

export class AgentView extends IntersectionType(AgentSummary, AgentConfigurationView) {
  @ApiProperty({ type: 'integer', description: 'One more with each change of what is above', example: 1 })
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
  @ApiProperty({ description: 'The agent as it was. Given to PATCH it makes it so again' })
  configuration: AgentConfigurationView;
}

export class GreetingAudioView {
  @ApiProperty({ type: 'integer', description: 'How long it plays', example: 4_200 })
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
