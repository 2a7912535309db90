import { Injectable } from '@nestjs/common';
import { type Caller } from '../../api-keys/index.js';
import { Database, DomainError, findJsonProblem, isId, Notifications } from '../../lib/platform/index.js';
import { CallCommands } from '../call-commands.js';
import { type CallCommand } from '../call.js';
import { saveTurn } from '../queries/call-turns.js';
import { responsibleFor } from '../disconnection-reasons.js';
import { type CallCloudEvent, parseCloudEvent } from './cloud-event.js';

/** The result of one event. */
export interface Receipt {
  id: string | null;
  source: string | null;
  /** `ignored`: valid, but too late for the state of the call. */
  status: 'accepted' | 'duplicate' | 'ignored' | 'rejected';
  /** The reason of a rejection. */
  problem: string | null;
}

/** Accepts events of calls from other services, such as a media server on another machine. */
@Injectable()
export class EventIngestService {
  constructor(
    private readonly database: Database,
    private readonly calls: CallCommands,
    private readonly notifications: Notifications,
  ) {}

  /** Applies events in their order. A rejected event does not stop the others. */
  async receive(caller: Caller, events: readonly unknown[]): Promise<Receipt[]> {
    const receipts: Receipt[] = [];
    for (const event of events) receipts.push(await this.receiveOne(caller, event));
    return receipts;
  }

  private async receiveOne(caller: Caller, value: unknown): Promise<Receipt> {
    const unstorable = findJsonProblem(value);
    const event = unstorable
      ? { problem: `${unstorable.path} ${unstorable.problem}` }
      : parseCloudEvent(value, new Date());
    if ('problem' in event) return { ...nameOf(value), status: 'rejected', problem: event.problem };
    const { id, source } = event;
    if (!(await this.isOwn(caller, event.subject)))
      return { id, source, status: 'rejected', problem: 'subject: call not found' };
    if (await this.isKnown(caller, event)) return { id, source, status: 'duplicate', problem: null };
    return { id, source, ...(await this.ingest(caller, event)) };
  }

  private async ingest(caller: Caller, event: CallCloudEvent): Promise<Pick<Receipt, 'status' | 'problem'>> {
    let hasEffect: boolean;
    try {
      hasEffect = await this.apply(caller, event);
    } catch (error) {
      // Not remembered, so that the sender can repeat it.
      if (error instanceof DomainError && error.code === 'conflict')
        return { status: 'rejected', problem: error.message };
      throw error;
    }
    // After the effect, which is idempotent: after a crash in between, the repeated event changes nothing.
    const isFirst = await this.remember(caller, event);
    // Of two concurrent copies of an event, one has the effect.
    if (hasEffect) return { status: 'accepted', problem: null };
    return { status: isFirst ? 'ignored' : 'duplicate', problem: null };
  }

  /** @returns whether it changed anything */
  private async apply({ keyId }: Caller, { subject, at, content, id, source }: CallCloudEvent): Promise<boolean> {
    if (content.type === 'call.turn') return saveTurn(this.database, subject, content, this.notifications);
    const { events } = await this.calls.execute(subject, commandOf(content, at), { keyId, source, id });
    return events.length > 0;
  }

  private async isOwn({ organizationId, environment }: Caller, callId: string): Promise<boolean> {
    if (!isId(callId)) return false;
    const rows = await this.database.query(
      'select from calls where id = $1 and organization_id = $2 and environment = $3',
      [callId, organizationId, environment],
    );
    return rows.length > 0;
  }

  private async isKnown({ organizationId, environment }: Caller, { source, id }: CallCloudEvent): Promise<boolean> {
    const rows = await this.database.query(
      'select from received_events where organization_id = $1 and environment = $2 and source = $3 and id = $4',
      [organizationId, environment, source, id],
    );
    return rows.length > 0;
  }

  /** @returns false when a concurrent request has remembered the event */
  private async remember({ organizationId, environment }: Caller, { source, id }: CallCloudEvent): Promise<boolean> {
    const rows = await this.database.query(
      `insert into received_events (organization_id, environment, source, id) values ($1, $2, $3, $4)
       on conflict do nothing returning id`,
      [organizationId, environment, source, id],
    );
    return rows.length > 0;
  }
}

function commandOf(content: Exclude<CallCloudEvent['content'], { type: 'call.turn' }>, at: string): CallCommand {
  switch (content.type) {
    case 'call.ringing':
      return { type: 'ReportRinging', at };
    case 'call.started':
      return { type: 'ReportAnswer', at };
    case 'call.recorded':
      return { type: 'RecordCall', at, url: content.url };
    case 'call.ended': {
      const { reason, sipCode, detail } = content;
      const outcome = { sipCode, detail, ...responsibleFor(reason) };
      return { type: 'EndCall', at, disconnectionReason: reason, outcome };
    }
  }
}

function nameOf(value: unknown): Pick<Receipt, 'id' | 'source'> {
  const { id, source } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  return { id: typeof id === 'string' ? id : null, source: typeof source === 'string' ? source : null };
}
