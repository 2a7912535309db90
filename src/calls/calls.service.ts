import { Injectable } from '@nestjs/common';
import { AgentsService } from '../agents/index.js';
import { type Caller } from '../api-keys/index.js';
import { PhoneNumbersService, noCarrier } from '../carriers/index.js';
import { type StoredEvent } from '../lib/event-store/index.js';
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
import { appendToCall } from './call-append.js';
import { CallCommands } from './call-commands.js';
import { type CallFacts } from './call-events.js';
import { CallStore } from './call-store.js';
import { UNKNOWN_CALL } from './call-state.js';
import { decide } from './call.js';
import { type CallCreated, type CreateCallRequest } from './calls.dto.js';
import { claimOf, Idempotency, type IdempotencyClaim, type IdempotentRequest } from './idempotency.js';
import { LATENCIES } from './queries/call-latency.js';
import { type CallFilter, listCalls } from './queries/call-list.js';
import { loadTurns, TRANSCRIPT, type Turn } from './queries/call-turns.js';
import { type StoredCallRow } from './queries/call-view.js';
import { dialTaskId } from './task-id.js';

/** The API request that caused a change; kept with its events. */
export interface Cause {
  requestId: string;
  keyId: string;
}

/** Creates, cancels, hangs up and finds calls of one organization and environment. */
@Injectable()
export class CallsService {
  private readonly rows: BatchedLookup<[string, string, string], StoredCallRow>;

  constructor(
    private readonly database: Database,
    private readonly store: CallStore,
    private readonly commands: CallCommands,
    private readonly idempotency: Idempotency,
    private readonly agents: AgentsService,
    private readonly phoneNumbers: PhoneNumbersService,
  ) {
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
   * Checks the request and queues a call. With an Idempotency-Key the call and the key's reply are stored together.
   * @throws DomainError `not_found` for the agent, `forbidden` for the number, `conflict` and `idempotency_mismatch`
   * for the key
   */
  async create(
    caller: Caller,
    request: CreateCallRequest,
    cause: Cause,
    once?: IdempotentRequest,
  ): Promise<StoredReply> {
    const accept = async (): Promise<StoredReply | undefined> => {
      const warnings = await this.check(caller, request);
      const id = newId();
      const created: CallCreated = { id, status: 'queued', taskId: dialTaskId(id), ...(warnings && { warnings }) };
      const reply = new StoredReply(201, envelope(created, cause.requestId));
      const claim = once && claimOf(caller, once, reply);
      return (await this.queue(factsOf(caller, request), cause, { id, claim })) === undefined ? undefined : reply;
    };
    const reply = once ? await this.idempotency.replyOnce(caller, once, accept) : await accept();
    if (!reply) throw new Error('the call was not stored');
    return reply;
  }

  /**
   * Stores a call. A worker dials it when it is due.
   * @param cause kept with the event
   * @returns its id; undefined when its id, or the Idempotency-Key of its claim, is taken
   */
  async queue(
    facts: CallFacts,
    cause: object,
    { id = newId(), claim }: { id?: string; claim?: IdempotencyClaim | undefined } = {},
  ): Promise<string | undefined> {
    const events = decide({ type: 'QueueCall', at: idTime(id).toISOString(), facts }, UNKNOWN_CALL);
    const isStored = await this.store.append(appendToCall(id, 0, UNKNOWN_CALL, events, cause, claim));
    return isStored ? id : undefined;
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

  /** Ends a connected call. @throws DomainError `not_found`, `conflict` */
  hangUp(caller: Caller, id: string, cause: Cause): Promise<StoredCallRow> {
    return this.end(caller, id, 'HangUpCall', cause);
  }

  /** Ends a call before it is connected. @throws DomainError `not_found`, `conflict` */
  cancel(caller: Caller, id: string, cause: Cause): Promise<StoredCallRow> {
    return this.end(caller, id, 'CancelCall', cause);
  }

  /** The turns of the conversation, in order. @throws DomainError `not_found` */
  async turns(caller: Caller, id: string): Promise<Turn[]> {
    const { id: callId } = await this.get(caller, id);
    return loadTurns(this.database, callId);
  }

  /** The events of a call, oldest first. @throws DomainError `not_found` */
  async timeline(caller: Caller, id: string): Promise<StoredEvent[]> {
    const { id: callId } = await this.get(caller, id);
    return this.store.load(callId);
  }

  private async end(caller: Caller, id: string, type: 'CancelCall' | 'HangUpCall', cause: Cause) {
    const { id: callId } = await this.get(caller, id);
    await this.commands.execute(callId, { type, at: new Date().toISOString() }, cause);
    return this.get(caller, id);
  }

  /** @returns warnings for the caller, if any */
  private async check(
    { organizationId, environment }: Caller,
    { agentId, fromNumber }: CreateCallRequest,
  ): Promise<string[] | undefined> {
    const [agentIsActive, number] = await Promise.all([
      this.agents.isActive(organizationId, agentId),
      this.phoneNumbers.lookUp(organizationId, fromNumber),
    ]);
    if (!agentIsActive) throw notFound('Agent');
    if (!number) throw new DomainError('forbidden', 'fromNumber does not belong to your organization');
    return environment === 'live' && number.carrierId === null ? [noCarrier(fromNumber)] : undefined;
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
