import { type Database, newId } from '../lib/platform/index.js';

/** An event of a call that webhooks may subscribe to. */
export interface DeliverableEvent {
  callId: string;
  /** The event's number in its call. */
  version: number;
  type: string;
  /** How long it may wait for what else may become known of the call. */
  waitMs: number;
}

/** A claimed delivery, with the webhook as of the claim. */
export interface ClaimedDelivery {
  id: string;
  endpointId: string;
  event: string;
  callId: string | null;
  sequence: number | null;
  replayOf: string | null;
  /** Those that were made before. */
  attempts: number;
  takes: number;
  body: string | null;
  url: string;
  sealedSecret: string;
  sealedOldSecret: string | null;
  oldSecretUntil: Date | null;
  failingSince: Date | null;
}

/** What came of an attempt. */
export interface Attempt {
  id: string;
  takes: number;
  at: string;
  headers: Record<string, string>;
  status: number | null;
  response: string | null;
  error: string | null;
  ms: number;
  verdict: 'delivered' | 'pending' | 'failed';
  retryInMs: number | null;
}

interface Interest {
  endpointId: string;
  isActive: boolean;
  /** Which of the events, from 1. */
  n: string;
}

/** How much may be under way at once. */
export interface ConcurrencyLimits {
  all: number;
  perEndpoint: number;
  /** For an endpoint that has failed for longer than `failingMs`. */
  perFailing: number;
  failingMs: number;
}

/** The webhooks that subscribed to an event at its time. */
const INTERESTED = {
  name: 'find_webhooks',
  text: `select e.id as "endpointId", e.is_active as "isActive", k.n
         from unnest($1::uuid[], $2::int[], $3::text[]) with ordinality as k(call_id, version, type, n)
         join call_events v on v.stream_id = k.call_id and v.version = k.version
         join calls c on c.id = k.call_id
         join webhook_endpoints e on e.organization_id = c.organization_id and e.environment = c.environment
           and k.type = any(e.events) and e.created_at <= v.recorded_at
         order by k.n`,
};

const ADD = {
  name: 'add_webhook_deliveries',
  text: `insert into webhook_deliveries
           (id, endpoint_id, event, call_id, sequence, status, due_at, awaits_analysis, finished_at)
         select id, endpoint_id, event, call_id, sequence, status, clock_timestamp() + wait * interval '1 ms', wait > 0,
           case status when 'skipped' then clock_timestamp() end
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::int[], $6::text[], $7::float8[])
           as d(id, endpoint_id, event, call_id, sequence, status, wait)
         on conflict (endpoint_id, call_id, sequence) where replay_of is null do nothing
         returning id`,
};

/**
 * The oldest of each endpoint, so that what waits for one takes no room from another. The time is that of the statement:
 * `clock_timestamp()` is volatile, and no condition that an index can be asked.
 */
export const TAKE = {
  name: 'take_webhook_deliveries',
  text: `with taken as materialized (
           select d.id from webhook_endpoints e
           left join unnest($1::uuid[], $2::int[]) as b(endpoint_id, busy) on b.endpoint_id = e.id
           cross join lateral (
             select d.id, d.due_at from webhook_deliveries d
             where d.endpoint_id = e.id and d.status = 'pending' and d.due_at <= statement_timestamp()
             order by d.due_at
             limit greatest(0, coalesce(-b.busy, 0)
               + case when e.failing_since < statement_timestamp() - $6 * interval '1 ms' then $5::int else $4::int end)
             for update of d skip locked
           ) d
           where e.is_active order by d.due_at limit $3
         ) update webhook_deliveries d set takes = takes + 1, awaits_analysis = false,
             due_at = clock_timestamp() + $7 * interval '1 ms', taken_until = clock_timestamp() + $7 * interval '1 ms'
           from taken t, webhook_endpoints e where d.id = t.id and e.id = d.endpoint_id
           returning d.id, d.endpoint_id as "endpointId", d.event, d.call_id as "callId", d.sequence,
             d.replay_of as "replayOf", d.attempts, d.takes, d.body, e.url, e.sealed_secret as "sealedSecret",
             e.sealed_old_secret as "sealedOldSecret", e.old_secret_until as "oldSecretUntil",
             e.failing_since as "failingSince"`,
};

/** Results of deliveries that others have taken since are left out. */
const RECORD = {
  name: 'record_webhook_attempts',
  text: `with r as (
           select * from jsonb_to_recordset($1::jsonb) as r(id uuid, takes int, at timestamptz, headers jsonb, status int,
             response text, error text, ms float8, verdict text, "retryInMs" float8)
         ), done as (
           update webhook_deliveries d set attempts = d.attempts + 1, status = r.verdict, taken_until = null,
             due_at = clock_timestamp() + coalesce(r."retryInMs", 0) * interval '1 ms',
             finished_at = case when r.verdict <> 'pending' then clock_timestamp() end
           from r where d.id = r.id and d.takes = r.takes and d.status = 'pending'
           returning d.id, d.takes, d.attempts
         ) insert into webhook_attempts
             (delivery_id, attempt, attempted_at, request_headers, status, response_body, error, latency_ms)
           select id, done.attempts, at, headers, r.status, response, error, ms from done join r using (id, takes)`,
};

/** Queue of deliveries, shared by all workers. */
export class DeliveryJobs {
  constructor(private readonly database: Database) {}

  /** Adds one delivery per event and subscribed webhook; repeated calls add nothing. @returns the number of new deliveries */
  async add(events: readonly DeliverableEvent[]): Promise<number> {
    const columns = [events.map((e) => e.callId), events.map((e) => e.version), events.map((e) => e.type)];
    const interests = await this.database.query<Interest>(INTERESTED, columns);
    if (interests.length === 0) return 0;
    const wanted = interests.map(({ n }) => events[Number(n) - 1] as DeliverableEvent);
    const added = await this.database.query(ADD, [
      ...[interests.map(() => newId()), interests.map(({ endpointId }) => endpointId)],
      ...[wanted.map(({ type }) => type), wanted.map(({ callId }) => callId), wanted.map(({ version }) => version)],
      ...[interests.map(({ isActive }) => (isActive ? 'pending' : 'skipped')), wanted.map(({ waitMs }) => waitMs)],
    ]);
    return added.length;
  }

  /** Releases the deliveries whose analysis is complete or given up. @returns the number of released deliveries */
  async release(): Promise<number> {
    const released = await this.database.query({
      name: 'release_webhook_deliveries',
      text: `update webhook_deliveries d set awaits_analysis = false, due_at = clock_timestamp()
             from call_events v
             where d.awaits_analysis and v.stream_id = d.call_id and v.version = d.sequence
               and not analysis_pending(v.stream_id, v.transaction_id, v.position)
             returning d.id`,
    });
    return released.length;
  }

  /** Takes deliveries that are due into our hands; others may have them when `leaseMs` have passed. */
  take(busy: ReadonlyMap<string, number>, room: ConcurrencyLimits, leaseMs: number): Promise<ClaimedDelivery[]> {
    const { all, perEndpoint, perFailing, failingMs } = room;
    return this.database.query<ClaimedDelivery>(TAKE, [
      ...[[...busy.keys()], [...busy.values()]],
      ...[all, perEndpoint, perFailing, failingMs, leaseMs],
    ]);
  }

  /** Keeps what is sent, before it is. */
  async keepBodies(bodies: readonly { id: string; body: string }[]): Promise<void> {
    await this.database.query(
      {
        name: 'keep_webhook_bodies',
        text: `update webhook_deliveries d set body = k.body from unnest($1::uuid[], $2::text[]) as k(id, body)
               where d.id = k.id and d.body is null`,
      },
      [bodies.map(({ id }) => id), bodies.map(({ body }) => body)],
    );
  }

  async record(attempts: readonly Attempt[]): Promise<void> {
    await this.database.query(RECORD, [JSON.stringify(attempts)]);
  }

  /** Gives one back as if it had not been taken. */
  async giveBack({ id, takes }: ClaimedDelivery): Promise<void> {
    await this.database.query(
      `update webhook_deliveries set due_at = clock_timestamp(), taken_until = null where id = $1 and takes = $2`,
      [id, takes],
    );
  }
}
