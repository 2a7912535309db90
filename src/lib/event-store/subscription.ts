import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { Database, type Log } from '../platform/index.js';
import { FEED_START, type FeedEvent, readFeed } from './feed.js';

/** A reader of the feed. It sees every event at least once and in order; what it does must bear repetition. */
export interface FeedReader {
  /** Names its checkpoint for good. */
  name: string;
  handle(events: readonly FeedEvent[]): Promise<void>;
}

export interface SubscriptionOptions {
  batchSize?: number;
  /** How long to wait at the end of the feed when nothing wakes the reader. */
  pollMs?: number;
  /** How long to wait after an error; the same batch is then tried again. */
  retryMs?: number;
}

/**
 * Carries the feed to one reader. Of all processes that run the same reader one at a time holds its lock and works; a
 * crash between handling and checkpoint repeats that batch.
 */
export class Subscription {
  private readonly stopping = new AbortController();
  private waiting = new AbortController();
  private running: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly log: Log,
    private readonly reader: FeedReader,
    private readonly options: SubscriptionOptions = {},
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  /** There may be something new: look now instead of at the next poll. */
  wake(): void {
    this.waiting.abort();
  }

  /** Resolves when the batch under way has been handled. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.running;
  }

  /** Handles the next batch. Returns how many events it held: 0 at the end, or while another process holds the lock. */
  async handleNext(): Promise<number> {
    return this.database.transaction(async (client) => {
      const lock = await client.query<{ held: boolean }>(
        'select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as held',
        [`feed:${this.reader.name}`],
      );
      if (!lock.rows[0]?.held) return 0;
      const events = await this.readNext(client);
      const last = events.at(-1);
      if (!last) return 0;
      await this.reader.handle(events);
      await client.query(
        `insert into feed_checkpoints (name, transaction_id, position) values ($1, $2, $3)
         on conflict (name) do update
           set transaction_id = excluded.transaction_id, position = excluded.position, updated_at = now()`,
        [this.reader.name, last.at.transactionId, last.at.position],
      );
      return events.length;
    });
  }

  private async readNext(client: pg.PoolClient): Promise<FeedEvent[]> {
    const { rows } = await client.query<{ transactionId: string; position: string }>(
      `select transaction_id::text as "transactionId", position::text from feed_checkpoints where name = $1`,
      [this.reader.name],
    );
    return readFeed(Database.on(client), rows[0] ?? FEED_START, this.options.batchSize ?? 200);
  }

  private async run(): Promise<void> {
    const { pollMs = 1_000, retryMs = 1_000 } = this.options;
    while (!this.stopping.signal.aborted) {
      this.waiting = new AbortController();
      try {
        if ((await this.handleNext()) === 0) await this.pause(pollMs);
      } catch (error) {
        this.log.error({ err: error, subscription: this.reader.name }, 'feed batch failed; trying it again');
        await this.pause(retryMs);
      }
    }
  }

  private async pause(ms: number): Promise<void> {
    if (this.stopping.signal.aborted) return;
    await delay(ms, undefined, { signal: this.waiting.signal }).catch(() => undefined);
  }
}
