import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { type Database } from './database.js';
import { type Log } from '../log.js';

const RECONNECT_MS = 500;

/**
 * Wakes all processes after a change. A notification has no payload: the listener reads the database. It can get lost, so
 * every listener polls too. `wake` runs outside the transaction of the change, because NOTIFY serializes commits.
 */
export class Notifications {
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly telling = new Map<string, 'once' | 'again'>();
  private readonly stopping = new AbortController();
  private listening: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly log: Log,
    private readonly channels: readonly string[],
  ) {}

  /**
   * Calls the listener after each notification of the channel, from any process. @returns the function that removes it
   * @throws {Error} for a channel that is not one of `channels`
   */
  on(channel: string, listener: () => void): () => void {
    if (!this.channels.includes(channel)) throw new Error(`No such channel: ${channel}`);
    this.listening ??= this.listen();
    const listeners = this.listeners.get(channel) ?? new Set();
    this.listeners.set(channel, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Wakes this process at once, and the others with one notification for concurrent calls. */
  wake(channel: string): void {
    this.call(channel);
    if (this.telling.has(channel)) this.telling.set(channel, 'again');
    else void this.tell(channel);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.listening;
  }

  private async tell(channel: string): Promise<void> {
    do {
      this.telling.set(channel, 'once');
      await this.database
        .query({ name: 'notify', text: `select pg_notify($1, '')` }, [channel])
        .catch((error: unknown) => {
          this.log.warn({ err: error, channel }, 'other processes were not woken; they will poll');
        });
    } while (this.telling.get(channel) === 'again');
    this.telling.delete(channel);
  }

  private call(channel: string): void {
    for (const listener of this.listeners.get(channel) ?? []) listener();
  }

  private async listen(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.database
        .session((client) => this.listenOn(client))
        .catch((error: unknown) => {
          this.log.warn({ err: error }, 'the connection for wake-ups was lost; polling meanwhile');
        });
      await delay(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Listens until the connection breaks (rejects) or this is stopped (resolves). */
  private async listenOn(client: pg.PoolClient): Promise<void> {
    client.on('notification', ({ channel }) => {
      this.call(channel);
    });
    for (const channel of this.channels) await client.query(`listen ${channel}`);
    // Notifications during the disconnection are lost.
    for (const channel of this.channels) this.call(channel);
    await new Promise<void>((resolve, reject) => {
      client.on('error', reject);
      client.on('end', () => {
        reject(new Error('connection ended'));
      });
      this.stopping.signal.addEventListener('abort', () => {
        resolve();
      });
      if (this.stopping.signal.aborted) resolve();
    });
  }
}
