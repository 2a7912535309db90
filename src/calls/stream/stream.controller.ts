import { once } from 'node:events';
import { Controller, Get, Headers, Param, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import { type Response } from 'express';
import { type AuthenticatedRequest, type Caller, CallerParam } from '../../api-keys/index.js';
import { FEED_START, type FeedPosition } from '../../lib/event-store/index.js';
import { Database, DomainError, Operation, Notifications } from '../../lib/platform/index.js';
import { CallEventView } from '../calls.dto.js';
import { CallsService } from '../calls.service.js';
import {
  feedEnd,
  parseEventId,
  placeInCall,
  streamCalls,
  type StreamedEvent,
  type StreamFilter,
  toEventId,
} from './call-stream.js';
import { type OpenStream, OpenStreams } from './open-streams.js';

const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no',
};
/** When to try again where too many streams are open. */
const RETRY_AFTER_SECONDS = 5;

const LAST_EVENT_ID = ApiHeader({
  name: 'Last-Event-ID',
  required: false,
  description: 'The id of the last event that was received: the stream goes on after it, without loss or repetition',
});

@ApiTags('Live')
@Controller('v1')
export class StreamController {
  constructor(
    private readonly calls: CallsService,
    private readonly database: Database,
    private readonly wakeups: Notifications,
    private readonly streams: OpenStreams,
  ) {}

  @Get('events/stream')
  @LAST_EVENT_ID
  @Operation({
    scope: 'calls:read',
    summary: 'Watch all calls',
    description:
      'Server-sent events: every event of every call, and every turn that is spoken, from now on or after ' +
      '`Last-Event-ID`. A comment every 15 seconds keeps the connection open.',
    returns: CallEventView,
    produces: 'text/event-stream',
  })
  async streamEvents(
    @CallerParam() caller: Caller,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: AuthenticatedRequest,
    @Res() response: Response,
  ): Promise<void> {
    const from = placeOf(lastEventId) ?? (await feedEnd(this.database));
    const { organizationId, environment } = caller;
    await this.stream(request, response, { organizationId, environment }, from);
  }

  @Get('calls/:id/stream')
  @LAST_EVENT_ID
  @Operation({
    scope: 'calls:read',
    summary: 'Watch a call',
    description:
      'Server-sent events: the timeline of the call and its turns, from its beginning or after `Last-Event-ID`. The ' +
      'stream ends with the call; asked to go on after the end it tells what came later, such as the recording, and ' +
      'then answers 204, which tells a client to stop.',
    returns: CallEventView,
    produces: 'text/event-stream',
    errors: ['not_found'],
  })
  async streamCall(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: AuthenticatedRequest,
    @Res() response: Response,
  ): Promise<void> {
    const call = await this.calls.get(caller, id);
    const from = placeOf(lastEventId);
    // Something may have come after the end, such as the recording: it is told, and the stream ends again.
    const place = from && call.ended_at ? await placeInCall(this.database, call.id, from) : undefined;
    if (place?.isPastEnd && place.isAllTold) {
      response.status(204).end();
      return;
    }
    const { organizationId, environment } = caller;
    const filter = { organizationId, environment, callId: call.id };
    await this.stream(request, response, filter, from ?? FEED_START, place?.isPastEnd);
  }

  private async stream(
    request: AuthenticatedRequest,
    response: Response,
    filter: StreamFilter,
    from: FeedPosition,
    endsWhenTold = false,
  ): Promise<void> {
    const stream = this.openStream(request, response);
    const heartbeat = setInterval(() => {
      if (!response.writableNeedDrain) response.write(': still here\n\n');
    }, this.streams.limits.heartbeatMs);
    try {
      response.writeHead(200, HEADERS);
      response.write('retry: 1000\n\n');
      for await (const event of streamCalls(this.database, this.wakeups, filter, from, stream.signal)) {
        if (!event && endsWhenTold) break;
        if (!event) continue;
        if (!response.write(toServerSentEvent(event))) await once(response, 'drain', { signal: stream.signal });
        if (filter.callId !== undefined && event.type === 'call.ended') break;
      }
    } catch (error) {
      // Cut off in the middle, a client connects again with the id of the last event.
      if (!stream.signal.aborted) throw error;
    } finally {
      clearInterval(heartbeat);
      stream.close();
      response.end();
    }
  }

  /** @throws DomainError `rate_limit_exceeded` when too many streams are open */
  private openStream({ caller, method }: AuthenticatedRequest, response: Response): OpenStream {
    const stream = this.streams.open(caller.keyId);
    if (!stream) {
      response.setHeader('Retry-After', RETRY_AFTER_SECONDS);
      throw new DomainError('rate_limit_exceeded', 'Too many open streams. Close one and try again');
    }
    response.on('close', stream.close);
    // The client may be gone by now, and then `close` was earlier. HEAD asks for the headers alone.
    if (response.destroyed || method === 'HEAD') stream.close();
    return stream;
  }
}

function placeOf(lastEventId: string | undefined): FeedPosition | undefined {
  if (lastEventId === undefined || lastEventId === '') return undefined;
  const place = parseEventId(lastEventId);
  if (!place)
    throw new DomainError('validation_error', 'Last-Event-ID must be the id of an event of this stream', {
      'Last-Event-ID': 'must be the id of an event of this stream',
    });
  return place;
}

function toServerSentEvent({ at, callId, type, version, data }: StreamedEvent): string {
  const { at: occurredAt, organizationId: _organizationId, ...rest } = data;
  const id = toEventId(at);
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ id, type, callId, version, occurredAt, data: rest })}\n\n`;
}
