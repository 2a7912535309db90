import { createHash } from 'node:crypto';
import { type InlineProjection } from '../lib/event-store/index.js';
import { BatchedLookup, type Database, DomainError, StoredReply } from '../lib/platform/index.js';
import { type Environment } from './call-events.js';

/** The answer that a request with an Idempotency-Key is to leave behind, in the columns of `idempotency_keys`. */
export interface IdempotencyClaim {
  organization_id: string;
  environment: Environment;
  key: string;
  /** SHA-256 of the request body, hexadecimal. */
  request_hash: string;
  status: number;
  body: string;
}

/** A key given again counts as new after a day. */
const KEPT = `interval '24 hours'`;

/**
 * Claims the key in the statement that stores the call: both or neither. Of racing requests one inserts the row; the
 * others wait for its commit, find it there, and append nothing.
 */
export const IDEMPOTENCY_GATE: NonNullable<InlineProjection['gate']> = {
  ctes: [
    `claimed as (
      insert into idempotency_keys as k
        (organization_id, environment, key, request_hash, call_id, status, body)
      select c.organization_id, c.environment, c.key, decode(c.request_hash, 'hex'), i.stream_id, c.status, c.body
      from input i cross join lateral jsonb_to_record(i.payload -> 'claim') as c(
        organization_id uuid, environment text, key text, request_hash text, status int, body text)
      where i.payload ? 'claim'
      order by 1, 2, 3
      on conflict (organization_id, environment, key) do update
        set request_hash = excluded.request_hash, call_id = excluded.call_id, status = excluded.status,
          body = excluded.body, created_at = excluded.created_at
        where k.created_at < now() - ${KEPT}
      returning call_id
    )`,
  ],
  condition: `not i.payload ? 'claim' or i.stream_id in (select call_id from claimed)`,
};

interface Kept {
  request_hash: Buffer;
  status: number;
  body: string;
}

/** The memory of Idempotency-Keys, per organization and environment. */
export class Idempotency {
  private readonly kept: BatchedLookup<[string, Environment, string], Kept>;
  /** Keys of requests under way in this process, with the hash of their body. */
  private readonly running = new Map<string, string>();

  constructor(private readonly database: Database) {
    this.kept = new BatchedLookup(
      database,
      {
        name: 'find_idempotency_key',
        text: `select k.n, i.request_hash, i.status, i.body
               from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as k(organization_id, environment, key, n)
               cross join lateral (
                 select * from idempotency_keys i
                 where i.organization_id = k.organization_id and i.environment = k.environment and i.key = k.key
                   and i.created_at >= now() - ${KEPT}
                 limit 1
               ) i`,
      },
      3,
    );
  }

  /**
   * The first answer to this key.
   * @throws DomainError `idempotency_mismatch` when the key came with another body
   */
  async findReply(organizationId: string, environment: Environment, key: string, hash: string) {
    const kept = await this.kept.find(organizationId, environment, key);
    if (!kept) return undefined;
    if (kept.request_hash.toString('hex') !== hash) throw mismatch();
    return new StoredReply(kept.status, kept.body, { 'Idempotent-Replayed': 'true' });
  }

  /**
   * Runs `work` as the only request with this key in this process.
   * @throws DomainError `conflict` while another one runs, `idempotency_mismatch` when that one has another body
   */
  async exclusively<T>(key: string, hash: string, work: () => Promise<T>): Promise<T> {
    const other = this.running.get(key);
    if (other !== undefined)
      throw other === hash
        ? new DomainError('conflict', 'A request with this Idempotency-Key is still running; retry in a moment')
        : mismatch();
    this.running.set(key, hash);
    try {
      return await work();
    } finally {
      this.running.delete(key);
    }
  }

  /** Forgets keys older than a day. Returns how many. */
  async purge(): Promise<number> {
    const rows = await this.database.query<{ deleted: number }>(
      `with old as (
         select organization_id, environment, key from idempotency_keys
         where created_at < now() - ${KEPT} order by created_at limit 5000 for update skip locked
       ), gone as (
         delete from idempotency_keys k using old
         where (k.organization_id, k.environment, k.key) = (old.organization_id, old.environment, old.key) returning 1
       ) select count(*)::int as deleted from gone`,
    );
    return rows[0]?.deleted ?? 0;
  }
}

const mismatch = (): DomainError =>
  new DomainError('idempotency_mismatch', 'This Idempotency-Key was used with another request body');

/** What tells two request bodies apart: the JSON as parsed, white space aside. */
export const hashOf = (body: unknown): string => createHash('sha256').update(JSON.stringify(body)).digest('hex');

/**
 * The value of an Idempotency-Key header, if there is one.
 * @throws DomainError `validation_error` unless it is 1 to 255 printable ASCII characters
 */
export function parseIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (/^[\x20-\x7e]{1,255}$/.test(header)) return header;
  throw new DomainError('validation_error', 'Idempotency-Key must be 1 to 255 printable ASCII characters', {
    'Idempotency-Key': 'must be 1 to 255 printable ASCII characters',
  });
}
