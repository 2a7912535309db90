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
  positionInCall,
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
const RETRY_AFTER_SECONDS = 5;

const LAST_EVENT_ID = ApiHeader({
  name: 'Last-Event-ID',
  required: false,
  description: 'Id of the last received event: the stream continues after it, without loss or repetition',
});

@ApiTags('Live')
@Controller('v1')
export class StreamController {
  constructor(
    private readonly calls: CallsService,
    private readonly database: Database,
    private readonly notifications: Notifications,
    private readonly streams: OpenStreams,
  ) {}

  @Get('events/stream')
  @LAST_EVENT_ID
  @Operation({
    scope: 'calls:read',
    summary: 'Watch all calls',
    description:
      'Server-sent events: every event and every turn of every call, from now on or after `Last-Event-ID`. A comment ' +
      'every 15 seconds keeps the connection open.',
    returns: CallEventView,
    produces: 'text/event-stream',
  })
  async streamEvents(
    @CallerParam() caller: Caller,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: AuthenticatedRequest,
    @Res() response: Response,
  ): Promise<void> {
    const from = positionOf(lastEventId) ?? (await feedEnd(this.database));
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
      'stream ends with the call. A `Last-Event-ID` after the end gets the later events, such as the recording, and ' +
      'then 204, which makes a client stop.',
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
    const from = positionOf(lastEventId);
    // Events after the end, such as the recording, are sent, and then the stream ends again.
    const position = from && call.ended_at ? await positionInCall(this.database, call.id, from) : undefined;
    if (position?.isPastEnd && position.isLast) {
      response.status(204).end();
      return;
    }
    const { organizationId, environment } = caller;
    const filter = { organizationId, environment, callId: call.id };
    await this.stream(request, response, filter, from ?? FEED_START, position?.isPastEnd);
  }

  private async stream(
    request: AuthenticatedRequest,
    response: Response,
    filter: StreamFilter,
    from: FeedPosition,
    endsAfterLast = false,
  ): Promise<void> {
    const stream = this.openStream(request, response);
    const heartbeat = setInterval(() => {
      if (!response.writableNeedDrain) response.write(': still here\n\n');
    }, this.streams.limits.heartbeatMs);
    try {
      response.writeHead(200, HEADERS);
      response.write('retry: 1000\n\n');
      for await (const event of streamCalls(this.database, this.notifications, filter, from, stream.signal)) {
        if (!event && endsAfterLast) break;
        if (!event) continue;
        if (!response.write(toServerSentEvent(event))) await once(response, 'drain', { signal: stream.signal });
        if (filter.callId !== undefined && event.type === 'call.ended') break;
      }
    } catch (error) {
      // The client connects again with the id of its last event.
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
    // A client that is gone has emitted `close` before. HEAD gets the headers only.
    if (response.destroyed || method === 'HEAD') stream.close();
    return stream;
  }
}

function positionOf(lastEventId: string | undefined): FeedPosition | undefined {
  if (lastEventId === undefined || lastEventId === '') return undefined;
  const position = parseEventId(lastEventId);
  if (!position)
    throw new DomainError('validation_error', 'Last-Event-ID must be the id of an event of this stream', {
      'Last-Event-ID': 'must be the id of an event of this stream',
    });
  return position;
}

function toServerSentEvent({ at, callId, type, version, data }: StreamedEvent): string {
  const { at: occurredAt, organizationId: _organizationId, ...rest } = data;
  const id = toEventId(at);
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ id, type, callId, version, occurredAt, data: rest })}\n\n`;
}
