import { Injectable } from '@nestjs/common';
import { type Caller } from '../api-keys/index.js';
import { Database, DomainError, isId, newId, notFound, Page, Notifications } from '../lib/platform/index.js';
import { endpointBody } from './payload.js';
import { TEST_EVENT } from './webhook-events.js';
import { type WebhookEntity } from './webhook.entity.js';
import { WebhooksService } from './webhooks.service.js';

/** `skipped`: the endpoint was not active. */
export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed', 'skipped'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** A delivery as it is logged. */
export interface Delivery {
  id: string;
  event: string;
  callId: string | null;
  sequence: number | null;
  status: DeliveryStatus;
  attempts: number;
  replayOf: string | null;
  createdAt: Date;
  /** When the next attempt is due, while there is to be one. */
  nextAttemptAt: Date | null;
  finishedAt: Date | null;
}

export interface LoggedAttempt {
  attempt: number;
  at: Date;
  requestHeaders: Record<string, string>;
  status: number | null;
  responseBody: string | null;
  error: string | null;
  latencyMs: number;
}

export interface DeliveryFilter {
  status?: DeliveryStatus | null | undefined;
  event?: string | null | undefined;
  callId?: string | null | undefined;
}

export interface ReplayRange {
  /** Of what happened at or after. */
  from: Date;
  /** Of what happened before. */
  to: Date;
  status?: DeliveryStatus | null | undefined;
  event?: string | null | undefined;
}

/** A replay makes at most so many deliveries at once. */
export const MAX_REPLAYED = 10_000;

const COLUMNS = `d.id, d.event, d.call_id as "callId", d.sequence, d.status, d.attempts, d.replay_of as "replayOf",
  d.created_at as "createdAt", case d.status when 'pending' then d.due_at end as "nextAttemptAt",
  d.finished_at as "finishedAt"`;

/** Lists the deliveries of an organization's webhooks, retries and replays them. */
@Injectable()
export class DeliveryLog {
  constructor(
    private readonly database: Database,
    private readonly webhooks: WebhooksService,
    private readonly wakeups: Notifications,
  ) {}

  /** Newest first. @throws DomainError `not_found` */
  async list(
    caller: Caller,
    webhookId: string,
    { status, event, callId }: DeliveryFilter,
    page: number,
    limit: number,
  ): Promise<Page<Delivery>> {
    const { id } = await this.webhooks.get(caller, webhookId);
    if (callId != null && !isId(callId)) return new Page([], page, limit, 0);
    const conditions = `d.endpoint_id = $1 and ($2::text is null or d.status = $2)
      and ($3::text is null or d.event = $3) and ($4::uuid is null or d.call_id = $4)`;
    const values = [id, status ?? null, event ?? null, callId ?? null];
    const [count] = await this.database.query<{ total: number }>(
      `select count(*)::float8 as total from webhook_deliveries d where ${conditions}`,
      values,
    );
    const items = await this.database.query<Delivery>(
      `select ${COLUMNS} from webhook_deliveries d where ${conditions} order by d.id desc offset $5 limit $6`,
      [...values, (page - 1) * limit, limit],
    );
    return new Page(items, page, limit, count?.total ?? 0);
  }

  /** @throws DomainError `not_found` */
  async get(
    caller: Caller,
    webhookId: string,
    id: string,
  ): Promise<{ delivery: Delivery; body: string | null; attempts: LoggedAttempt[] }> {
    const { id: endpointId } = await this.webhooks.get(caller, webhookId);
    const [row] = isId(id)
      ? await this.database.query<Delivery & { body: string | null }>(
          `select ${COLUMNS}, d.body from webhook_deliveries d where d.id = $1 and d.endpoint_id = $2`,
          [id, endpointId],
        )
      : [];
    if (!row) throw notFound('Delivery');
    const attempts = await this.database.query<LoggedAttempt>(
      `select attempt, attempted_at as at, request_headers as "requestHeaders", status,
         response_body as "responseBody", error, latency_ms as "latencyMs"
       from webhook_attempts where delivery_id = $1 order by attempt`,
      [id],
    );
    const { body, ...delivery } = row;
    return { delivery, body, attempts };
  }

  /**
   * Has it attempted now, or when the attempt under way is over. One that had failed is attempted once.
   * @throws DomainError `not_found`; `conflict` for what has been delivered, or cannot be while its endpoint is off
   */
  async retry(caller: Caller, webhookId: string, id: string): Promise<Delivery> {
    const webhook = await this.webhooks.get(caller, webhookId);
    assertActive(webhook);
    const { delivery } = await this.get(caller, webhookId, id);
    const [retried] = await this.database.query<Delivery>(
      `update webhook_deliveries d set status = 'pending', finished_at = null, awaits_analysis = false,
         due_at = greatest(clock_timestamp(), coalesce(taken_until, clock_timestamp()))
       where d.id = $1 and d.endpoint_id = $2 and d.status <> 'delivered' returning ${COLUMNS}`,
      [delivery.id, webhook.id],
    );
    if (!retried)
      throw new DomainError('conflict', 'The event was delivered; use replay to send it again under a new id');
    this.wakeups.wake('webhook_deliveries');
    return retried;
  }

  /**
   * Tells again what happened in a range of time, in deliveries of their own, the oldest first.
   * @returns how many there are, and how many were left out because there would have been too many
   * @throws DomainError `not_found`; `conflict` while the endpoint is off
   */
  async replay(
    caller: Caller,
    webhookId: string,
    { from, to, status, event }: ReplayRange,
  ): Promise<{ replayed: number; remaining: number }> {
    const webhook = await this.webhooks.get(caller, webhookId);
    assertActive(webhook);
    const found = await this.database.query<{ id: string; total: number }>(
      `select id, (count(*) over ())::float8 as total from webhook_deliveries
       where endpoint_id = $1 and replay_of is null and call_id is not null and created_at >= $2 and created_at < $3
         and ($4::text is null or status = $4) and ($5::text is null or event = $5)
       order by id limit ${MAX_REPLAYED}`,
      [webhook.id, from, to, status ?? null, event ?? null],
    );
    const chosen = found.map(({ id }) => id);
    const added = await this.database.query(
      `insert into webhook_deliveries (id, endpoint_id, event, call_id, sequence, replay_of, status, due_at)
       select k.id, d.endpoint_id, d.event, d.call_id, d.sequence, d.id, 'pending', clock_timestamp()
       from unnest($1::uuid[], $2::uuid[]) with ordinality as k(id, original, n)
       join webhook_deliveries d on d.id = k.original order by k.n returning id`,
      [chosen.map(() => newId()), chosen],
    );
    this.wakeups.wake('webhook_deliveries');
    return { replayed: added.length, remaining: (found[0]?.total ?? 0) - found.length };
  }

  /** Sends it something. @throws DomainError `not_found`; `conflict` while it is off */
  async test(caller: Caller, webhookId: string): Promise<Delivery> {
    const webhook = await this.webhooks.get(caller, webhookId);
    assertActive(webhook);
    const id = newId();
    const fields = { id, event: TEST_EVENT, timestamp: new Date().toISOString(), environment: webhook.environment };
    const data = { webhookId: webhook.id, organizationId: webhook.organizationId, message: 'It works' };
    const [added] = await this.database.query<Delivery>(
      `insert into webhook_deliveries as d (id, endpoint_id, event, status, due_at, body)
       values ($1, $2, $3, 'pending', clock_timestamp(), $4) returning ${COLUMNS}`,
      [id, webhook.id, TEST_EVENT, endpointBody(fields, data)],
    );
    this.wakeups.wake('webhook_deliveries');
    return added as Delivery;
  }
}

function assertActive({ isActive }: WebhookEntity): void {
  if (!isActive) throw new DomainError('conflict', 'The webhook is not active; PATCH isActive: true first');
}
