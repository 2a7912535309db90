import { Body, Controller, Post } from '@nestjs/common';
import { ApiBody, ApiProperty, ApiTags } from '@nestjs/swagger';
import { type Caller, CallerParam } from '../../api-keys/index.js';
import { DomainError, Operation } from '../../lib/platform/index.js';
import { EventIngestService, type Receipt } from './event-ingest.service.js';

const MAX_EVENTS = 500;

class ReceiptView implements Receipt {
  @ApiProperty({ type: String, nullable: true, example: '7f1d' })
  id: string | null;

  @ApiProperty({ type: String, nullable: true, example: '/media/eu-1' })
  source: string | null;

  @ApiProperty({ enum: ['accepted', 'duplicate', 'ignored', 'rejected'], example: 'accepted' })
  status: Receipt['status'];

  @ApiProperty({ type: String, nullable: true, example: null, description: 'The reason of a rejection' })
  problem: string | null;
}

const EXAMPLE = {
  specversion: '1.0',
  id: '7f1d',
  source: '/media/eu-1',
  type: 'call.turn',
  subject: '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10',
  time: '2026-04-05T14:00:03Z',
  data: { speaker: 'agent', text: 'Hello, this is Acme Corp.', startMs: 400, endMs: 2400 },
};

@ApiTags('Internal')
@Controller('internal/v1/call-events')
export class EventIngestController {
  constructor(private readonly ingest: EventIngestService) {}

  @Post()
  @ApiBody({ schema: { type: 'object', additionalProperties: true, example: EXAMPLE } })
  @Operation({
    scope: 'events:write',
    summary: 'Ingest events of calls',
    description:
      'CloudEvents 1.0 in JSON, one (`application/cloudevents+json`) or a batch of up to 500 ' +
      '(`application/cloudevents-batch+json`). `subject` is the call. Types: `call.ringing`, `call.started`, ' +
      '`call.ended` (disconnectionReason, sipCode, detail), `call.turn` (speaker, text, startMs, endMs), ' +
      '`call.recorded` (url). A repeated `source` and `id` counts once. The reply has one receipt for each event.',
    returns: ReceiptView,
    list: 'items',
  })
  receiveCallEvents(@CallerParam() caller: Caller, @Body() body: unknown): Promise<Receipt[]> {
    const events = Array.isArray(body) ? (body as unknown[]) : [body];
    if (body === undefined || events.length > MAX_EVENTS)
      throw new DomainError('bad_request', `Send one CloudEvent or an array of up to ${MAX_EVENTS}`);
    return this.ingest.receive(caller, events);
  }
}
