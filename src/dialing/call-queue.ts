import { type Database, type NamedStatement } from '../lib/platform/index.js';
import { type Environment } from '../calls/index.js';

/** How much may go on at once; 0 is no limit. An organization or number with a limit of its own has that one. */
export interface Limits {
  callsPerOrganization: number;
  callsPerNumber: number;
  /** New calls of a carrier in any rolling second. */
  callsPerSecond: number;
  /** Calls of a carrier at once. */
  channels?: number;
}

/** A carrier that calls wait for, with the limits of its own that it has. */
export interface WaitingCarrier {
  id: string;
  limits: Partial<Limits>;
}

export interface ClaimRequest {
  /** The worker that will carry the calls. */
  owner: string;
  environment: Environment;
  carrier: string;
  leaseMs: number;
  limits: Limits;
  /** The most calls to admit now. */
  most: number;
}

export interface Admitted {
  callIds: string[];
  /** When pacing held calls back: how long until the carrier takes the next one. */
  retryInMs: number | undefined;
}

const ADMIT: NamedStatement = {
  name: 'admit_calls',
  text: `select call_id, retry_in_ms from admit_calls($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
};

/**
 * Takes the next calls out of the line into a worker's hands, as many as every limit allows: first come, first served
 * within an organization, in turns between them. One admission runs at a time, in whichever process, so that no limit
 * is ever passed. A call that has to wait stays as it is.
 */
export async function admitCalls(database: Database, request: ClaimRequest): Promise<Admitted> {
  const { owner, environment, carrier, leaseMs, limits, most } = request;
  const rows = await database.query<{ call_id: string | null; retry_in_ms: number | null }>(ADMIT, [
    owner,
    environment,
    carrier,
    leaseMs,
    limits.callsPerOrganization,
    limits.callsPerNumber,
    limits.callsPerSecond,
    limits.channels ?? 0,
    most,
  ]);
  return {
    callIds: rows.flatMap(({ call_id }) => (call_id === null ? [] : [call_id])),
    retryInMs: rows.find(({ retry_in_ms }) => retry_in_ms !== null)?.retry_in_ms ?? undefined,
  };
}

/**
 * The carriers of numbers from which live calls wait: active ones by their id, and `default` for all other numbers,
 * whether the settings have a carrier for them or none.
 */
export async function waitingCarriers(database: Database): Promise<WaitingCarrier[]> {
  const rows = await database.query<{ id: string; calls_per_second: number | null; max_channels: number | null }>({
    name: 'waiting_carriers',
    text: `select distinct w.carrier as id, c.calls_per_second, c.max_channels
           from waiting_numbers() w left join carriers c on c.id::text = w.carrier where w.environment = 'live'`,
  });
  return rows.map(({ id, calls_per_second: callsPerSecond, max_channels: channels }) => ({
    id,
    limits: {
      ...(callsPerSecond === null ? {} : { callsPerSecond }),
      ...(channels === null ? {} : { channels }),
    },
  }));
}

/** The carrier has been asked for these calls just now: for its pace they count a second more. */
export async function confirmAsked(database: Database, callIds: readonly string[]): Promise<void> {
  await database.query(
    {
      name: 'confirm_asked',
      text: `update carrier_admissions set asked_at = clock_timestamp()
             where call_id = any ($1::uuid[]) and asked_at is null`,
    },
    [callIds],
  );
}

/** The carrier will not be asked for this call: it does not count for its pace. */
export async function giveBackPace(database: Database, callId: string): Promise<void> {
  await database.query(
    {
      name: 'give_back_pace',
      text: 'delete from carrier_admissions where call_id = $1 and asked_at is null',
    },
    [callId],
  );
}

/** Takes over calls whose holder has not renewed its lease, or that nobody holds though they are under way. */
export async function takeOverCalls(
  database: Database,
  owner: string,
  leaseMs: number,
  most: number,
): Promise<string[]> {
  const rows = await database.query<{ call_id: string }>(
    {
      name: 'take_over_calls',
      text: `with lapsed as (
               select call_id from live_calls where lease_until < clock_timestamp()
               order by lease_until limit $3 for update skip locked
             ), orphans as (
               insert into live_calls (call_id, organization_id, environment, from_number, carrier, owner, lease_until)
               select c.id, c.organization_id, c.environment, c.from_number, '', $1, clock_timestamp() + $2 * interval '1 ms'
               from calls c
               where c.status = 'in_progress' and not exists (select from live_calls l where l.call_id = c.id)
               order by c.id limit $3
               on conflict do nothing
               returning call_id
             ), taken as (
               update live_calls l set owner = $1, lease_until = clock_timestamp() + $2 * interval '1 ms'
               from lapsed where l.call_id = lapsed.call_id returning l.call_id
             ) select call_id from taken union all select call_id from orphans`,
    },
    [owner, leaseMs, most],
  );
  return rows.map(({ call_id }) => call_id);
}

/**
 * Renews a worker's leases of calls. Returns those that it still holds, each with whether it has ended meanwhile.
 */
export async function renewLeases(
  database: Database,
  owner: string,
  callIds: readonly string[],
  leaseMs: number,
): Promise<Map<string, boolean>> {
  const rows = await database.query<{ call_id: string; is_over: boolean }>(
    {
      name: 'renew_leases',
      text: `with renewed as (
               update live_calls set lease_until = clock_timestamp() + $2 * interval '1 ms'
               where owner = $1 and call_id = any ($3::uuid[])
               returning call_id
             ) select r.call_id, c.ended_at is not null as is_over from renewed r join calls c on c.id = r.call_id`,
    },
    [owner, leaseMs, callIds],
  );
  return new Map(rows.map(({ call_id, is_over }) => [call_id, is_over]));
}

/** Which of a worker's calls have ended, by whoever ended them. */
export async function endedCalls(database: Database, owner: string): Promise<string[]> {
  const rows = await database.query<{ call_id: string }>(
    {
      name: 'ended_live_calls',
      text: `select l.call_id from live_calls l join calls c on c.id = l.call_id
             where l.owner = $1 and c.ended_at is not null`,
    },
    [owner],
  );
  return rows.map(({ call_id }) => call_id);
}

/** Frees the place of a call, unless another worker has taken it over. */
export async function releaseCall(database: Database, owner: string, callId: string): Promise<void> {
  await database.query({ name: 'release_call', text: 'delete from live_calls where call_id = $1 and owner = $2' }, [
    callId,
    owner,
  ]);
}
