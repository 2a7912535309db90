import { ApiProperty } from '@nestjs/swagger';
import { ChoiceField, FlagField, IntegerField, JsonObjectField, TextField } from '../platform/index.js';
import {
  type AgentEntity,
  CALL_DIRECTIONS,
  type CallDirection,
  EXAMPLE_AGENT_ID,
  MACHINE_CHOICES,
  type MachineChoice,
} from './agent.entity.js';

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
const RECORD = { description: 'Whether its live calls are recorded', example: true, optional: true };
const ON_MACHINE = {
  description:
    'What a machine that answers a live call gets: `hang_up`; `leave_message`, after its beep or when it has stopped ' +
    'speaking; or `carry_on`, as with a person',
  choices: MACHINE_CHOICES,
  example: 'leave_message',
  optional: true,
};
const VOICEMAIL = {
  description: 'What is left with a machine; what it says to a person when this is empty',
  example: 'Hello {{customerName}}, please call us back.',
  maxLength: 2_000,
  optional: true,
};
const LISTEN = {
  description: 'How long it listens after it has spoken, in seconds, before it hangs up a live call',
  example: 30,
  min: 0,
  max: 3_600,
  optional: true,
};

const ANALYSIS_SCHEMA = {
  description:
    'What to find out from each call once it is over, for its `analysis`: a JSON schema of type `object`, up to 10,000 ' +
    'characters, with `type`, `properties`, `required`, `items`, `enum`, `minimum`, `maximum`, `maxLength`, `maxItems` ' +
    'and descriptions. Needs a language model in the settings',
  example: {
    type: 'object',
    properties: { appointment: { type: ['string', 'null'], description: 'The time that was agreed on, HH:MM' } },
    required: ['appointment'],
  },
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

  @FlagField({ ...RECORD, default: true })
  recordCalls?: boolean | null;

  @ChoiceField({ ...ON_MACHINE, default: 'carry_on' })
  onMachine?: MachineChoice | null;

  @TextField(VOICEMAIL)
  voicemailMessage?: string | null;

  @IntegerField({ ...LISTEN, default: 30 })
  listenSeconds?: number | null;

  @JsonObjectField(ANALYSIS_SCHEMA)
  analysisSchema?: Record<string, unknown> | null;
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

  @FlagField(RECORD)
  recordCalls?: boolean | null;

  @ChoiceField(ON_MACHINE)
  onMachine?: MachineChoice | null;

  @TextField(VOICEMAIL)
  voicemailMessage?: string | null;

  @IntegerField(LISTEN)
  listenSeconds?: number | null;

  @JsonObjectField(ANALYSIS_SCHEMA)
  analysisSchema?: Record<string, unknown> | null;

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

  @ApiProperty({ example: true })
  recordCalls: boolean;

  @ApiProperty({ enum: MACHINE_CHOICES, example: 'leave_message' })
  onMachine: MachineChoice;

  @ApiProperty({ type: String, nullable: true, example: VOICEMAIL.example })
  voicemailMessage: string | null;

  @ApiProperty({ type: 'integer', example: 30 })
  listenSeconds: number;

  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true, example: ANALYSIS_SCHEMA.example })
  analysisSchema: Record<string, unknown> | null;

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  updatedAt: Date;
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
  prompt: agent.prompt,
  firstMessage: agent.firstMessage,
  recordCalls: agent.recordCalls,
  onMachine: agent.onMachine,
  voicemailMessage: agent.voicemailMessage,
  listenSeconds: agent.listenSeconds,
  analysisSchema: agent.analysisSchema,
  updatedAt: agent.updatedAt,
});
