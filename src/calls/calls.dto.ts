import { ApiProperty } from '@nestjs/swagger';
import { EXAMPLE_AGENT_ID } from '../agents/index.js';
import {
  ChoiceField,
  FlagField,
  IdField,
  JsonObjectField,
  PageQuery,
  PhoneNumberField,
  TextField,
  TimestampField,
} from '../lib/platform/index.js';
import { CALL_STATUSES, type CallStatus } from './call-state.js';
import { type Direction } from './call-events.js';

const YEAR_MS = 366 * 86_400_000;

export class CreateCallRequest {
  @IdField({ description: 'The AI agent that talks', example: EXAMPLE_AGENT_ID })
  agentId: string;

  @PhoneNumberField({ description: 'The number to call, E.164', example: '+1234567890' })
  toNumber: string;

  @PhoneNumberField({ description: 'Caller id: one of your numbers, E.164', example: '+0987654321' })
  fromNumber: string;

  @TextField({ description: "Replaces the agent's voice", example: 'en-US-calm', optional: true })
  voiceId?: string | null;

  @TextField({ description: "Replaces the agent's language", example: 'en-US', maxLength: 35, optional: true })
  language?: string | null;

  @TextField({ description: 'Name of the customer', example: 'John Doe', minLength: 0, optional: true })
  customerName?: string | null;

  @JsonObjectField({
    description: "Variables of the agent's templates",
    example: { company: 'Acme Corp', purpose: 'Follow-up on quote' },
    optional: true,
  })
  dynamicVariables?: Record<string, unknown> | null;

  @JsonObjectField({
    description: 'Stored with the call; part of its replies and webhooks',
    example: { campaign_id: 'summer_2026' },
    optional: true,
  })
  metadata?: Record<string, unknown> | null;

  @TimestampField({
    description:
      'Time of the call, ISO 8601, at most a year ahead. The call stays `queued` until then; a past time means now',
    optional: true,
    isAllowed: (time) => time.getTime() <= Date.now() + YEAR_MS,
    mustBe: 'must be an existing ISO 8601 time at most a year ahead, like 2026-04-05T14:00:00Z',
  })
  scheduledAt?: Date | null;

  @FlagField({
    description: 'Disables the knowledge bases of the agent in this call',
    example: false,
    optional: true,
    default: false,
  })
  disableKnowledgeBases?: boolean | null;
}

export class CallCreated {
  @ApiProperty({ example: '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10' })
  id: string;

  @ApiProperty({ enum: ['queued'], example: 'queued' })
  status: 'queued';

  @ApiProperty({
    description: 'Id of the job that dials the call',
    example: 'dial-01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10',
  })
  taskId: string;

  @ApiProperty({
    type: [String],
    required: false,
    description: 'Known problems that will make the call fail',
    example: [],
  })
  warnings?: string[];
}

export class ListCallsQuery extends PageQuery {
  @ChoiceField({ description: 'Only calls with this status', choices: CALL_STATUSES, optional: true })
  status?: CallStatus;

  @ChoiceField({ description: 'Only calls in this direction', choices: ['INBOUND', 'OUTBOUND'], optional: true })
  direction?: Direction;

  @TimestampField({ description: 'Only calls created at or after this time, ISO 8601', optional: true })
  dateFrom?: Date;

  @TimestampField({ description: 'Only calls created before this time, ISO 8601', optional: true })
  dateTo?: Date;
}

/** One entry of a call's timeline. */
export class CallEventView {
  @ApiProperty({ example: '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10.1' })
  id: string;

  @ApiProperty({ example: 'call.queued' })
  type: string;

  @ApiProperty({ type: 'integer', description: 'Position in the timeline, from 1', example: 1 })
  version: number;

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  occurredAt: string;

  @ApiProperty({ type: 'object', additionalProperties: true, example: { toNumber: '+1234567890' } })
  data: object;
}

/** One turn of the conversation. */
export class TurnView {
  @ApiProperty({ enum: ['agent', 'customer'], example: 'agent' })
  speaker: 'agent' | 'customer';

  @ApiProperty({ example: 'Hello John, this is Acme Corp.' })
  text: string;

  @ApiProperty({ type: 'integer', description: 'Milliseconds from the answer', example: 400 })
  startMs: number;

  @ApiProperty({ type: 'integer', example: 2400 })
  endMs: number;

  @ApiProperty({ description: 'Whether the other side interrupted the turn', example: false })
  interrupted: boolean;

  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true, example: null })
  latency: object | null;
}
