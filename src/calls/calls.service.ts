import { Injectable } from '@nestjs/common';
import { AgentsService } from '../agents/index.js';
import { type Caller } from '../api-keys/index.js';
import { EventStore, type StoredEvent } from '../lib/event-store/index.js';
import {
  BatchedLookup,
  Database,
  DomainError,
  envelope,
  idTime,
  isId,
  newId,
  notFound,
  type Page,
  StoredReply,
} from '../lib/platform/index.js';
import { PhoneNumbersService, noCarrier } from '../carriers/index.js';
import { decide } from './call.js';
import { UNKNOWN_CALL } from './call-state.js';
import { CallCommands } from './call-commands.js';
import { type CallFacts } from './call-events.js';
import { LATENCIES } from './queries/call-latency.js';
import { loadTurns, TRANSCRIPT, type Turn } from './queries/call-turns.js';
import { type CallFilter, listCalls } from './queries/call-list.js';
import { type StoredCallRow } from './queries/call-view.js';
import { type CallCreated, type CreateCallRequest } from './calls.dto.js';
import { appendToCall } from './call-append.js';
import { dialTaskId } from './task-id.js';
import { Idempotency } from './idempotency.js';

/** What caused a change, kept with its events. */
export interface Cause {
  requestId: string;
  keyId: string;
}

/** Accepts calls, and answers questions about them, for one organization and environment at a time. */
@Injectable()
export class CallsService {
  private readonly rows: BatchedLookup<[string, string, string], StoredCallRow>;
  private readonly idempotency: Idempotency;

  constructor(
    private readonly database: Database,
    private readonly events: EventStore,
    private readonly executor: CallCommands,
    private readonly agents: AgentsService,
    private readonly phoneNumbers: PhoneNumbersService,
  ) {
    this.idempotency = new Idempotency(database);
    this.rows = new BatchedLookup(
      database,
      {
        name: 'find_call',
        text: `select k.n, c.*, ${TRANSCRIPT}, ${LATENCIES} from unnest($1::uuid[], $2::text[], $3::uuid[])
                 with ordinality as k(organization_id, environment, id, n)
               cross join lateral (
                 select * from calls c
                 where c.id = k.id and c.organization_id = k.organization_id and c.environment = k.environment limit 1
               ) c`,
      },
      3,
    );
  }

  /**
   * Accepts a call: when this returns, the call is durably queued and so is the answer to its Idempotency-Key.
   * @throws DomainError `not_found` for the agent, `forbidden` for the number, `conflict` and `idempotency_mismatch`
   * for the key
   */
  async create(
    caller: Caller,
    request: CreateCallRequest,
    cause: Cause,
    once?: { key: string; hash: string },
  ): Promise<StoredReply> {
    if (!once) return this.queue(caller, request, cause);
    const { organizationId, environment } = caller;
    const given = await this.idempotency.findReply(organizationId, environment, once.key, once.hash);
    if (given) return given;
    const name = `${organizationId} ${environment} ${once.key}`;
    return this.idempotency.exclusively(name, once.hash, () => this.queue(caller, request, cause, once));
  }

  /** @throws DomainError `not_found` */
  async get(caller: Caller, id: string): Promise<StoredCallRow> {
    const row = isId(id) ? await this.rows.find(caller.organizationId, caller.environment, id) : undefined;
    if (!row) throw notFound('Call');
    return row;
  }

  list(filter: CallFilter, page: number, limit: number): Promise<Page<StoredCallRow>> {
    return listCalls(this.database, filter, page, limit);
  }

  /** Ends a call that is connected. @throws DomainError `not_found`, `conflict` */
  async hangUp(caller: Caller, id: string, cause: Cause): Promise<StoredCallRow> {
    const { id: callId } = await this.get(caller, id);
    await this.executor.execute(callId, { type: 'HangUpCall', at: new Date().toISOString() }, cause);
    return this.get(caller, id);
  }

  /** What was said, in order. @throws DomainError `not_found` */
  async turns(caller: Caller, id: string): Promise<Turn[]> {
    const { id: callId } = await this.get(caller, id);
    return loadTurns(this.database, callId);
  }

  /** The events of a call, oldest first. @throws DomainError `not_found` */
  async timeline(caller: Caller, id: string): Promise<StoredEvent[]> {
    const { id: callId } = await this.get(caller, id);
    return this.events.load(callId);
  }

  /** Cancels a call that is not connected yet. @throws DomainError `not_found`, `conflict` */
  async cancel(caller: Caller, id: string, cause: Cause): Promise<StoredCallRow> {
    const { id: callId } = await this.get(caller, id);
    await this.executor.execute(callId, { type: 'CancelCall', at: new Date().toISOString() }, cause);
    return this.get(caller, id);
  }

  private async queue(
    caller: Caller,
    request: CreateCallRequest,
    cause: Cause,
    once?: { key: string; hash: string },
  ): Promise<StoredReply> {
    const { organizationId, environment } = caller;
    const [agentIsActive, number] = await Promise.all([
      this.agents.isActive(organizationId, request.agentId),
      this.phoneNumbers.lookUp(organizationId, request.fromNumber),
    ]);
    if (!agentIsActive) throw notFound('Agent');
    if (!number) throw new DomainError('forbidden', 'fromNumber does not belong to your organization');

    const id = newId();
    const warnings = environment === 'live' && number.carrierId === null ? [noCarrier(request.fromNumber)] : [];
    const created: CallCreated = {
      ...{ id, status: 'queued', taskId: dialTaskId(id) },
      ...(warnings.length > 0 ? { warnings } : {}),
    };
    const reply = new StoredReply(201, envelope(created, cause.requestId));
    const claim = once && {
      organization_id: organizationId,
      environment,
      key: once.key,
      request_hash: once.hash,
      status: reply.status,
      body: reply.body,
    };
    const facts = factsOf(caller, request);
    const events = decide({ type: 'QueueCall', at: idTime(id).toISOString(), facts }, UNKNOWN_CALL);
    if (await this.events.append(appendToCall(id, 0, UNKNOWN_CALL, events, cause, claim))) return reply;
    // Another process was quicker with the same key; its answer is there now.
    const first = once && (await this.idempotency.findReply(organizationId, environment, once.key, once.hash));
    if (!first) throw new Error(`call ${id} was not stored`);
    return first;
  }
}

function factsOf({ organizationId, environment }: Caller, request: CreateCallRequest): CallFacts {
  return {
    organizationId,
    environment,
    agentId: request.agentId.toLowerCase(),
    direction: 'OUTBOUND',
    fromNumber: request.fromNumber,
    toNumber: request.toNumber,
    customerName: request.customerName ?? undefined,
    voiceId: request.voiceId ?? undefined,
    language: request.language ?? undefined,
    dynamicVariables: request.dynamicVariables ?? undefined,
    metadata: request.metadata ?? undefined,
    disableKnowledgeBases: request.disableKnowledgeBases ?? undefined,
    scheduledAt: request.scheduledAt?.toISOString(),
  };
}
