import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { type Database } from './database.js';
import { type Log } from '../log.js';

/** Names of the notifications. They have no payload: the listener reads the database. */
export const CHANNELS = ['call_events', 'call_slots', 'webhook_deliveries'] as const;
export type Channel = (typeof CHANNELS)[number];

const RECONNECT_MS = 500;

/**
 * Tells all processes at once that there may be something to do. It makes them quick, not right: a wake-up can get lost,
 * so everybody polls as well. Never part of the transaction that it tells of, because NOTIFY serialises commits.
 */
export class Notifications {
  private readonly listeners = new Map<Channel, Set<() => void>>();
  private readonly telling = new Map<Channel, 'once' | 'again'>();
  private readonly stopping = new AbortController();
  private listening: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly log: Log,
  ) {}

  /** Calls back on every wake-up of a channel, in whichever process it began. Returns how to stop. */
  on(channel: Channel, listener: () => void): () => void {
    this.listening ??= this.listen();
    const listeners = this.listeners.get(channel) ?? new Set();
    this.listeners.set(channel, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Wakes this process now, and the others with one notification for all that come together. */
  wake(channel: Channel): void {
    this.call(channel);
    if (this.telling.has(channel)) this.telling.set(channel, 'again');
    else void this.tell(channel);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.listening;
  }

  private async tell(channel: Channel): Promise<void> {
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

  private call(channel: Channel): void {
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
      this.call(channel as Channel);
    });
    for (const channel of CHANNELS) await client.query(`listen ${channel}`);
    // Notifications during the disconnection are lost.
    for (const channel of CHANNELS) this.call(channel);
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
