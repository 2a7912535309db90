import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { EXAMPLE_AGENT_ID } from '../../agents/index.js';
import { type CallLatency, type Figures, latencyOf, type TurnLatency } from './call-latency.js';
import { type CallRow } from '../call-row.js';
import { CALL_STATUSES, type CallStatus } from '../call-state.js';
import {
  type AnsweredBy,
  type CallCosts,
  type Direction,
  DISCONNECTION_REASONS,
  type Environment,
  type LineQuality,
  type Outcome,
  SENTIMENTS,
  type Sentiment,
} from '../call-events.js';

const orNull = (type: 'string' | 'integer' | 'number' | 'boolean' | 'object', example: unknown, description?: string) =>
  ApiProperty({
    type,
    nullable: true,
    example,
    ...(description ? { description } : {}),
    ...(type === 'object' ? { additionalProperties: true } : {}),
  } as ApiPropertyOptions);
const time = (example: string) => ApiProperty({ type: String, format: 'date-time', nullable: true, example });

class OutcomeView implements Outcome {
  @orNull('integer', 486, 'The final SIP status, when the carrier sent one')
  sipCode: number | null;

  @ApiProperty({ enum: ['customer', 'agent', 'operator', 'carrier', 'system'], example: 'customer' })
  responsible: Outcome['responsible'];

  @ApiProperty({ example: true, description: 'Whether another call may succeed' })
  retryable: boolean;

  @orNull('string', 'Busy here')
  detail: string | null;
}

class AnsweredByView implements AnsweredBy {
  @ApiProperty({ enum: ['human', 'machine', 'unknown'], example: 'human' })
  by: AnsweredBy['by'];

  @ApiProperty({ description: 'Reason for this result', example: 'short_greeting' })
  reason: string;
}

class LineQualityView implements LineQuality {
  @ApiProperty({ type: 'integer', example: 12_000 })
  packetsSent: number;

  @ApiProperty({ type: 'integer', example: 11_990 })
  packetsReceived: number;

  @ApiProperty({
    type: 'integer',
    description: 'Packets that never arrived, or arrived too late to be played',
    example: 10,
  })
  packetsLost: number;

  @ApiProperty({ example: 0.08 })
  lossPercent: number;

  @ApiProperty({ description: 'Interarrival jitter in milliseconds', example: 1.25 })
  jitterMs: number;

  @orNull('number', 0.1, 'Loss of sent packets, when the far end reports it')
  remoteLossPercent: number | null;

  @orNull('number', 23, 'Milliseconds, when the far end reports it')
  roundTripMs: number | null;

  @ApiProperty({ description: 'Estimated mean opinion score, 1 to 4.5', example: 4.38 })
  mos: number;
}

class CallCostsView implements CallCosts {
  @orNull('number', 0.0631, 'Null when the cost of one used stage is unknown')
  total: number | null;

  @orNull('string', 'USD', 'From the settings')
  currency: string | null;

  @orNull('number', 0.048)
  telephony: number | null;

  @orNull('number', 0.0024)
  transcription: number | null;

  @orNull('number', 0.0104)
  model: number | null;

  @orNull('number', 0.0013)
  speech: number | null;

  @orNull('number', 0.001, 'The language model after the call')
  analysis: number | null;
}

class FiguresView implements Figures {
  @ApiProperty({ description: 'Milliseconds', example: 420 })
  p50: number;

  @ApiProperty({ description: 'Milliseconds', example: 780 })
  p95: number;
}

class CallLatencyView implements CallLatency {
  @ApiProperty({ type: 'integer', description: 'Number of measured answers', example: 7 })
  answers: number;

  @ApiProperty({ type: FiguresView, nullable: true, description: 'From the end of speech to its detection' })
  endpointingMs: Figures | null;

  @ApiProperty({ type: FiguresView, nullable: true })
  transcriptionMs: Figures | null;

  @ApiProperty({ type: FiguresView, nullable: true })
  modelFirstTokenMs: Figures | null;

  @ApiProperty({ type: FiguresView, nullable: true })
  speechFirstByteMs: Figures | null;

  @ApiProperty({
    type: FiguresView,
    nullable: true,
    description: 'From the end of speech to the first audio of the answer',
  })
  totalMs: Figures | null;
}

/** A call in API replies. An unknown value is null, never absent. */
export class CallView {
  @ApiProperty({ example: '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10' })
  id: string;

  @orNull('string', 'John Doe')
  customerName: string | null;

  @ApiProperty({ example: '+1234567890' })
  customerPhone: string;

  @orNull('integer', 240, 'Seconds from answer to end')
  duration: number | null;

  @ApiProperty({ enum: CALL_STATUSES, example: 'completed' })
  status: CallStatus;

  @ApiProperty({ enum: ['INBOUND', 'OUTBOUND'], example: 'OUTBOUND' })
  direction: Direction;

  @ApiProperty({ type: String, enum: DISCONNECTION_REASONS, nullable: true, example: 'agent_hangup' })
  disconnectionReason: string | null;

  @ApiProperty({ type: String, enum: SENTIMENTS, nullable: true, example: 'positive' })
  sentiment: Sentiment | null;

  @orNull('string', 'Discussed pricing for enterprise plan…')
  summary: string | null;

  @orNull('string', 'Agent: Hello, this is…\nCustomer: Hi.')
  transcript: string | null;

  @orNull('string', 'https://storage.example.com/recordings/…', 'URL')
  recording: string | null;

  @orNull('boolean', true)
  callSuccessful: boolean | null;

  @orNull('number', 0.0125, 'Cost of the language model in the conversation, when its rates are set')
  tokenCost: number | null;

  @ApiProperty({ example: EXAMPLE_AGENT_ID })
  agentId: string;

  @orNull('integer', 3, 'Version of the agent in this call; see `GET /v1/agents/{id}/versions/{version}`')
  agentVersion: number | null;

  @orNull('string', null)
  campaignId: string | null;

  @time('2026-04-05T14:00:00.000Z')
  startedAt: Date | null;

  @time('2026-04-05T14:04:00.000Z')
  endedAt: Date | null;

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  createdAt: Date;

  @ApiProperty({ example: '+0987654321' })
  fromNumber: string;

  @ApiProperty({ example: '+1234567890' })
  toNumber: string;

  @orNull('object', { campaign_id: 'summer_2026' })
  metadata: Record<string, unknown> | null;

  @time('2026-04-05T14:00:00.000Z')
  scheduledAt: Date | null;

  @ApiProperty({ enum: ['live', 'test'], example: 'test' })
  environment: Environment;

  @ApiProperty({ type: OutcomeView, nullable: true })
  outcome: Outcome | null;

  @ApiProperty({ type: AnsweredByView, nullable: true, description: 'A person or a machine, when detected' })
  answeredBy: AnsweredBy | null;

  @ApiProperty({ type: LineQualityView, nullable: true, description: 'Audio quality, known after the end' })
  quality: LineQuality | null;

  @orNull('object', { appointment: '11:00' }, "The fields of the agent's `analysisSchema`")
  analysis: Record<string, unknown> | null;

  @ApiProperty({ type: CallCostsView, nullable: true, description: 'Costs, known some seconds after the end' })
  costs: CallCosts | null;

  @ApiProperty({ type: CallLatencyView, nullable: true, description: 'Response times of the agent' })
  latency: CallLatency | null;
}

/** A row of `calls` from the database: times are `Date`s, absent values are null. */
export type StoredCallRow = {
  [Column in keyof CallRow]: Column extends `${string}_at` | 'not_before'
    ? undefined extends CallRow[Column]
      ? Date | null
      : Date
    : undefined extends CallRow[Column]
      ? Exclude<CallRow[Column], undefined> | null
      : CallRow[Column];
} & { transcript?: string | null; latencies?: Partial<TurnLatency>[] | null };

export function toCallView(row: StoredCallRow): CallView {
  return {
    id: row.id,
    customerName: row.customer_name,
    customerPhone: row.to_number,
    duration: row.duration,
    status: row.status,
    direction: row.direction,
    disconnectionReason: row.disconnection_reason,
    sentiment: row.sentiment,
    summary: row.summary,
    transcript: row.transcript ?? null,
    recording: row.recording,
    callSuccessful: row.call_successful,
    tokenCost: row.token_cost,
    agentId: row.agent_id,
    agentVersion: row.agent_version,
    campaignId: row.campaign_id,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    createdAt: row.created_at,
    fromNumber: row.from_number,
    toNumber: row.to_number,
    metadata: row.metadata,
    scheduledAt: row.scheduled_at,
    environment: row.environment,
    outcome: row.outcome,
    answeredBy: row.answered_by,
    quality: row.quality,
    analysis: row.analysis,
    costs: row.costs,
    latency: latencyOf(row.latencies ?? []),
  };
}
