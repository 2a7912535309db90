import { Body, Controller, Get, Headers, Param, Post, Query, Req } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import { type AuthenticatedRequest, type Caller, CallerParam } from '../api-keys/index.js';
import { type StoredEvent } from '../lib/event-store/index.js';
import { Operation, Page, StoredReply } from '../lib/platform/index.js';
import { CallView, type StoredCallRow, toCallView } from './queries/call-view.js';
import { CallCreated, CallEventView, CreateCallRequest, ListCallsQuery, TurnView } from './calls.dto.js';
import { type Cause, CallsService } from './calls.service.js';
import { hashOf, parseIdempotencyKey } from './idempotency.js';
import { RecordingLinks } from './recording-links.js';

@ApiTags('Calls')
@Controller('v1/calls')
export class CallsController {
  constructor(
    private readonly calls: CallsService,
    private readonly links: RecordingLinks,
  ) {}

  @Post()
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description:
      'Makes a retry safe: for 24 hours the same key with the same body returns the first reply, with ' +
      '`Idempotent-Replayed: true`, and creates no second call. 1 to 255 printable characters.',
    schema: { type: 'string', maxLength: 255 },
  })
  @Operation({
    scope: 'calls:write',
    summary: 'Create a call',
    description: 'Queues an outbound AI call. After a 201 reply the call is stored and reaches an end.',
    status: 201,
    returns: CallCreated,
    errors: ['not_found', 'forbidden', 'conflict', 'idempotency_mismatch'],
  })
  createCall(
    @CallerParam() caller: Caller,
    @Body() request: CreateCallRequest,
    @Headers('idempotency-key') header: string | undefined,
    @Req() http: AuthenticatedRequest,
  ): Promise<StoredReply> {
    const key = parseIdempotencyKey(header);
    const once = key === undefined ? undefined : { key, hash: hashOf(http.body) };
    return this.calls.create(caller, request, causeOf(http), once);
  }

  @Get()
  @Operation({
    scope: 'calls:read',
    summary: 'List calls',
    description: 'Newest first. Totals are exact.',
    returns: CallView,
    list: 'page',
  })
  async listCalls(@CallerParam() caller: Caller, @Query() query: ListCallsQuery): Promise<Page<CallView>> {
    const { organizationId, environment } = caller;
    const { page, limit, status, direction, dateFrom: from, dateTo: to } = query;
    const calls = await this.calls.list({ organizationId, environment, status, direction, from, to }, page, limit);
    return calls.map((call) => this.toView(call));
  }

  @Get(':id')
  @Operation({ scope: 'calls:read', summary: 'Get a call', returns: CallView, errors: ['not_found'] })
  async getCall(@CallerParam() caller: Caller, @Param('id') id: string): Promise<CallView> {
    return this.toView(await this.calls.get(caller, id));
  }

  @Get(':id/events')
  @Operation({
    scope: 'calls:read',
    summary: "Get a call's timeline",
    description: 'All events of the call, oldest first.',
    returns: CallEventView,
    list: 'items',
    errors: ['not_found'],
  })
  async getCallEvents(@CallerParam() caller: Caller, @Param('id') id: string): Promise<CallEventView[]> {
    return (await this.calls.timeline(caller, id)).map(toEventView);
  }

  @Post(':id/cancel')
  @Operation({
    scope: 'calls:write',
    summary: 'Cancel a call',
    description:
      'Ends a call that is not connected yet as `cancelled`, a scheduled one at once. A repeated request gets the same ' +
      'reply; a connected call, or one with another end, gets 409.',
    returns: CallView,
    errors: ['not_found', 'conflict'],
  })
  async cancelCall(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Req() http: AuthenticatedRequest,
  ): Promise<CallView> {
    return this.toView(await this.calls.cancel(caller, id, causeOf(http)));
  }

  @Post(':id/hangup')
  @Operation({
    scope: 'calls:write',
    summary: 'Hang up a call',
    description:
      'Ends a connected call as `completed`, `manual_stopped`. A repeated request gets the same reply; a call that is ' +
      'not connected yet, or has another end, gets 409.',
    returns: CallView,
    errors: ['not_found', 'conflict'],
  })
  async hangUpCall(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Req() http: AuthenticatedRequest,
  ): Promise<CallView> {
    return this.toView(await this.calls.hangUp(caller, id, causeOf(http)));
  }

  @Get(':id/transcript')
  @Operation({
    scope: 'calls:read',
    summary: 'Get a transcript',
    description: 'The turns of the conversation, in order; during the call, the turns so far.',
    returns: TurnView,
    list: 'items',
    errors: ['not_found'],
  })
  async getTranscript(@CallerParam() caller: Caller, @Param('id') id: string): Promise<TurnView[]> {
    const turns = await this.calls.turns(caller, id);
    return turns.map((turn) => ({ ...turn, interrupted: turn.interrupted ?? false, latency: turn.latency ?? null }));
  }

  private toView(call: StoredCallRow): CallView {
    return { ...toCallView(call), recording: this.links.linkTo(call.recording, call.id) };
  }
}

const causeOf = ({ requestId, caller }: AuthenticatedRequest): Cause => ({ requestId, keyId: caller.keyId });

/** The view omits `organizationId`: the API never shows ids of organizations. */
function toEventView({ streamId, type, version, data }: StoredEvent): CallEventView {
  const { at, organizationId: _organizationId, ...rest } = data as { at: string; organizationId?: string };
  return { id: `${streamId}.${version}`, type, version, occurredAt: at, data: rest };
}
