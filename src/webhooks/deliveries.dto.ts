import { ApiProperty } from '@nestjs/swagger';
import { ChoiceField, IdField, PageQuery, TimestampField } from '../lib/platform/index.js';
import {
  type Delivery,
  DELIVERY_STATUSES,
  type DeliveryStatus,
  type LoggedAttempt,
  MAX_REPLAYED,
} from './delivery-log.js';
import { DISABLED_EVENT, TEST_EVENT, WEBHOOK_EVENTS } from './webhook-events.js';

const EXAMPLE_ID = '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10';
const EXAMPLE_TIME = '2026-04-05T13:59:00.000Z';
const ALL_EVENTS = [...WEBHOOK_EVENTS, TEST_EVENT];
/** Events with a call can be replayed, because the call still exists. */
const CALL_EVENTS = WEBHOOK_EVENTS.filter((event) => event !== DISABLED_EVENT);

export class ListDeliveriesQuery extends PageQuery {
  @ChoiceField({ description: 'Only with this status', choices: DELIVERY_STATUSES, optional: true })
  status?: DeliveryStatus | null;

  @ChoiceField({ description: 'Only of this event', choices: ALL_EVENTS, optional: true })
  event?: string | null;

  @IdField({ description: 'Only about this call', optional: true })
  callId?: string | null;
}

export class ReplayRequest {
  @TimestampField({ description: 'Deliveries made at or after', example: EXAMPLE_TIME })
  from: Date;

  @TimestampField({ description: 'Deliveries made before; now unless given', example: EXAMPLE_TIME, optional: true })
  to?: Date | null;

  @ChoiceField({ description: 'Only those with this status', choices: DELIVERY_STATUSES, optional: true })
  status?: DeliveryStatus | null;

  @ChoiceField({ description: 'Only those of this event', choices: CALL_EVENTS, optional: true })
  event?: string | null;
}

export class ReplayView {
  @ApiProperty({ type: 'integer', example: 120 })
  replayed: number;

  @ApiProperty({
    type: 'integer',
    description: `Left out, because a replay makes at most ${MAX_REPLAYED}: replay again, from later on`,
    example: 0,
  })
  remaining: number;
}

export class DeliveryView implements Delivery {
  @ApiProperty({ description: 'X-Replicer-Delivery-Id and webhook-id, the same in all attempts', example: EXAMPLE_ID })
  id: string;

  @ApiProperty({ enum: ALL_EVENTS, example: 'call.ended' })
  event: string;

  @ApiProperty({ type: String, nullable: true, example: EXAMPLE_ID })
  callId: string | null;

  @ApiProperty({ type: 'integer', nullable: true, description: "The event's number in its call", example: 5 })
  sequence: number | null;

  @ApiProperty({ enum: DELIVERY_STATUSES, example: 'delivered' })
  status: DeliveryStatus;

  @ApiProperty({ type: 'integer', description: 'Made so far', example: 1 })
  attempts: number;

  @ApiProperty({ type: String, nullable: true, description: 'The delivery that this one repeats', example: null })
  replayOf: string | null;

  @ApiProperty({ format: 'date-time', example: EXAMPLE_TIME })
  createdAt: Date;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  nextAttemptAt: Date | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: EXAMPLE_TIME })
  finishedAt: Date | null;
}

export class AttemptView implements LoggedAttempt {
  @ApiProperty({ type: 'integer', example: 1 })
  attempt: number;

  @ApiProperty({ format: 'date-time', example: EXAMPLE_TIME })
  at: Date;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { 'X-Replicer-Event': 'call.ended', 'webhook-id': EXAMPLE_ID },
  })
  requestHeaders: Record<string, string>;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Of the answer; null without one', example: 200 })
  status: number | null;

  @ApiProperty({ type: String, nullable: true, description: 'Its first 4096 bytes', example: 'ok' })
  responseBody: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'No answer within 10 seconds' })
  error: string | null;

  @ApiProperty({ description: 'Milliseconds to the end of the answer', example: 34.5 })
  latencyMs: number;
}

export class DeliveryDetailsView extends DeliveryView {
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description: 'What is sent; null before the first attempt',
    example: { id: EXAMPLE_ID, event: 'call.ended' },
  })
  payload: object | null;

  @ApiProperty({ type: [AttemptView] })
  log: LoggedAttempt[];
}
