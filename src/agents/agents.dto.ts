import { ApiProperty } from '@nestjs/swagger';
import { ChoiceField, FlagField, TextField } from '../platform/index.js';
import { type AgentEntity, CALL_DIRECTIONS, type CallDirection, EXAMPLE_AGENT_ID } from './agent.entity.js';

const NAME = { description: 'What people call the agent', example: 'Follow-up agent' };
const TYPE = { description: 'Your own word for the kind of agent', example: 'VOICE', optional: true };
const DIRECTION = {
  description: 'The calls that the agent is for',
  choices: CALL_DIRECTIONS,
  example: 'OUTBOUND',
  optional: true,
};
const VOICE = { description: 'The voice that it speaks with', example: 'en-US-calm', optional: true };
const LANGUAGE = {
  description: 'The language that it speaks, as a BCP 47 tag',
  example: 'en-US',
  maxLength: 35,
  optional: true,
};
const PROMPT = {
  description: 'Who the agent is and what it is to achieve',
  example: 'You are a friendly assistant of {{company}}. You call about: {{purpose}}.',
  maxLength: 50_000,
  optional: true,
};
const FIRST_MESSAGE = {
  description: 'What it says when the call is answered',
  example: 'Hello {{customerName}}, this is Acme Corp.',
  maxLength: 2_000,
  optional: true,
};

export class CreateAgentRequest {
  @TextField(NAME)
  agentName: string;

  @TextField({ ...TYPE, default: 'VOICE' })
  agentType?: string | null;

  @ChoiceField({ ...DIRECTION, default: 'OUTBOUND' })
  callDirection?: CallDirection | null;

  @TextField(VOICE)
  voiceId?: string | null;

  @TextField(LANGUAGE)
  language?: string | null;

  @TextField(PROMPT)
  prompt?: string | null;

  @TextField(FIRST_MESSAGE)
  firstMessage?: string | null;
}

/** Only what is given changes; null empties what may be empty. */
export class UpdateAgentRequest {
  @TextField({ ...NAME, optional: true })
  agentName?: string | null;

  @TextField(TYPE)
  agentType?: string | null;

  @ChoiceField(DIRECTION)
  callDirection?: CallDirection | null;

  @TextField(VOICE)
  voiceId?: string | null;

  @TextField(LANGUAGE)
  language?: string | null;

  @TextField(PROMPT)
  prompt?: string | null;

  @TextField(FIRST_MESSAGE)
  firstMessage?: string | null;

  @FlagField({ description: 'true makes a deactivated agent usable again', example: true, optional: true })
  isActive?: boolean | null;
}

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

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  createdAt: Date;
}

export class AgentView extends AgentSummary {
  @ApiProperty({ type: String, nullable: true, example: PROMPT.example })
  prompt: string | null;

  @ApiProperty({ type: String, nullable: true, example: FIRST_MESSAGE.example })
  firstMessage: string | null;

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  updatedAt: Date;
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
  prompt: agent.prompt,
  firstMessage: agent.firstMessage,
  updatedAt: agent.updatedAt,
});
