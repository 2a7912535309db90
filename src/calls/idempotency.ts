import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type InlineProjection } from '../lib/event-store/index.js';
import { BatchedLookup, Database, DomainError, StoredReply } from '../lib/platform/index.js';
import { type Environment } from './call-events.js';

/** A request with an Idempotency-Key. */
export interface IdempotentRequest {
  key: string;
  /** SHA-256 of the body, hexadecimal. */
  hash: string;
}

/** The reply to keep for an Idempotency-Key, in the columns of `idempotency_keys`. */
export interface IdempotencyClaim {
  organization_id: string;
  environment: Environment;
  key: string;
  request_hash: string;
  status: number;
  body: string;
}

/** A key expires after a day. */
const LIFETIME = `interval '24 hours'`;

/**
 * Claims the key in the statement that stores the call: both or neither. Of concurrent requests one inserts the row; the
 * others wait for its commit, find the row, and append nothing.
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
        where k.created_at < now() - ${LIFETIME}
      returning call_id
    )`,
  ],
  condition: `not i.payload ? 'claim' or i.stream_id in (select call_id from claimed)`,
};

interface KeyOwner {
  organizationId: string;
  environment: Environment;
}

interface KeptReply {
  request_hash: Buffer;
  status: number;
  body: string;
}

/** Idempotency-Keys and their replies, per organization and environment. */
@Injectable()
export class Idempotency {
  private readonly replies: BatchedLookup<[string, Environment, string], KeptReply>;
  /** Keys of running requests in this process, with the hash of their body. */
  private readonly running = new Map<string, string>();

  constructor(private readonly database: Database) {
    this.replies = new BatchedLookup(
      database,
      {
        name: 'find_idempotency_key',
        text: `select k.n, i.request_hash, i.status, i.body
               from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as k(organization_id, environment, key, n)
               cross join lateral (
                 select * from idempotency_keys i
                 where i.organization_id = k.organization_id and i.environment = k.environment and i.key = k.key
                   and i.created_at >= now() - ${LIFETIME}
                 limit 1
               ) i`,
      },
      3,
    );
  }

  /**
   * The kept reply of the key, or that of `work`.
   * @param work keeps its reply with `claimOf`; resolves to undefined when another process has claimed the key
   * @throws DomainError `conflict` while the key's first request runs in this process, `idempotency_mismatch` when the
   * key was used with another body
   */
  async replyOnce(
    owner: KeyOwner,
    request: IdempotentRequest,
    work: () => Promise<StoredReply | undefined>,
  ): Promise<StoredReply> {
    const kept = await this.findReply(owner, request);
    if (kept) return kept;
    return this.exclusively(`${owner.organizationId} ${owner.environment} ${request.key}`, request.hash, async () => {
      const reply = (await work()) ?? (await this.findReply(owner, request));
      if (!reply) throw new Error(`the reply of Idempotency-Key ${request.key} was not stored`);
      return reply;
    });
  }

  private async findReply({ organizationId, environment }: KeyOwner, { key, hash }: IdempotentRequest) {
    const kept = await this.replies.find(organizationId, environment, key);
    if (!kept) return undefined;
    if (kept.request_hash.toString('hex') !== hash) throw mismatch();
    return new StoredReply(kept.status, kept.body, { 'Idempotent-Replayed': 'true' });
  }

  /** Runs `work` as the only request with this key in this process. */
  private async exclusively<T>(key: string, hash: string, work: () => Promise<T>): Promise<T> {
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

  /** Deletes expired keys. @returns how many */
  async purge(): Promise<number> {
    const rows = await this.database.query<{ deleted: number }>(
      `with old as (
         select organization_id, environment, key from idempotency_keys
         where created_at < now() - ${LIFETIME} order by created_at limit 5000 for update skip locked
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

/** The claim that stores the reply of a request under its key. */
export const claimOf = (
  { organizationId, environment }: KeyOwner,
  { key, hash }: IdempotentRequest,
  { status, body }: StoredReply,
): IdempotencyClaim => ({
  organization_id: organizationId,
  environment,
  key,
  request_hash: hash,
  status,
  body,
});

/** Hash of a parsed JSON body: white space does not count. */
export const hashOf = (body: unknown): string => createHash('sha256').update(JSON.stringify(body)).digest('hex');

/**
 * The value of an Idempotency-Key header.
 * @throws DomainError `validation_error` unless it is 1 to 255 printable ASCII characters
 */
export function parseIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (/^[\x20-\x7e]{1,255}$/.test(header)) return header;
  throw new DomainError('validation_error', 'Idempotency-Key must be 1 to 255 printable ASCII characters', {
    'Idempotency-Key': 'must be 1 to 255 printable ASCII characters',
  });
}
