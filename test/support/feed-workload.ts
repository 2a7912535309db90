import { FEED_START, type FeedPosition, readFeed } from '../../src/lib/event-store/feed.js';
import { type Database } from '../../src/lib/platform/database/database.js';
import { newStreams, nameOf, numbered, OpenTransaction, upTo } from './event-log.js';

/** A follower of the feed that never looks back. Concurrent callers read one after the other. */
export abstract class Follower {
  readonly seen: string[] = [];
  private looking: Promise<void> = Promise.resolve();

  constructor(
    protected readonly database: Database,
    /** Few, so that what it reads ends in the middle of transactions. */
    protected readonly limit: number,
  ) {}

  /** Reads on until there is nothing new. */
  look(): Promise<void> {
    this.looking = this.looking.then(async () => {
      for (;;) {
        const names = await this.next();
        if (names.length === 0) return;
        const again = names.find((name) => this.seen.includes(name));
        if (again) throw new Error(`${again} came twice`);
        this.seen.push(...names);
      }
    });
    return this.looking;
  }

  protected abstract next(): Promise<string[]>;
}

/** Keeps the pair of transaction and position, as every reader of ours does. */
export class PairFollower extends Follower {
  private at: FeedPosition = FEED_START;

  protected async next(): Promise<string[]> {
    const events = await readFeed(this.database, this.at, this.limit);
    this.at = events.at(-1)?.at ?? this.at;
    return events.map(nameOf);
  }
}

/** Keeps only the position: what many event stores do, and what loses events. */
export class PositionFollower extends Follower {
  private position = '0';

  protected async next(): Promise<string[]> {
    const rows = await this.database.query<{ streamId: string; version: number; position: string }>(
      `select e.stream_id as "streamId", e.version, e.position::text from call_events e
       where e.position > $1 order by e.position limit $2`,
      [this.position, this.limit],
    );
    this.position = rows.at(-1)?.position ?? this.position;
    return rows.map(nameOf);
  }
}

export type Step =
  | { do: 'open'; streams: number; events: number }
  | { do: 'more'; pick: number }
  | { do: 'commit' | 'rollback'; pick: number }
  | { do: 'append'; streams: number; events: number }
  | { do: 'look' };

/** A writer is slow, a later one commits and is read, then the slow one commits: again and again, some in vain. */
export const SLOW_WRITERS: Step[] = upTo(15).flatMap((round): Step[] => [
  { do: 'open', streams: 2, events: 2 },
  { do: 'append', streams: 1, events: 3 },
  { do: 'look' },
  { do: 'open', streams: 1, events: 1 },
  { do: 'more', pick: 0 },
  { do: 'append', streams: 2, events: 1 },
  { do: 'look' },
  { do: round % 3 === 0 ? 'rollback' : 'commit', pick: 0 },
  { do: 'look' },
  { do: round % 4 === 0 ? 'rollback' : 'commit', pick: 0 },
]);

interface Held {
  transaction: OpenTransaction;
  streams: string[];
  versions: Map<string, number>;
}

/** Writers on connections of their own, some of which keep their transactions open while others come and go. */
export class FeedWorkload {
  /** What has been committed. */
  readonly committed: string[] = [];
  private readonly held: Held[] = [];
  private readonly idle = newStreams(6);
  private readonly versions = new Map<string, number>();

  constructor(
    private readonly url: string,
    private readonly followers: readonly Follower[],
  ) {}

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'open':
        return this.open(step.streams, step.events);
      case 'append':
        await this.open(step.streams, step.events);
        return this.end(this.held.length - 1, 'commit');
      case 'more':
        if (this.held.length > 0) await this.appendMore(this.held[step.pick % this.held.length] as Held, 1);
        return;
      case 'commit':
      case 'rollback':
        if (this.held.length > 0) await this.end(step.pick % this.held.length, step.do);
        return;
      case 'look':
        await Promise.all(this.followers.map((follower) => follower.look()));
    }
  }

  /** Ends what is still open, the newest first. */
  async endAll(): Promise<void> {
    while (this.held.length > 0) await this.end(this.held.length - 1, 'commit');
  }

  private async open(streamCount: number, eventCount: number): Promise<void> {
    // Streams that another writer holds would make this one wait for it.
    const streams = Array.from({ length: streamCount }, () => this.idle.shift() ?? newStreams(1)[0]!);
    const held: Held = {
      transaction: await OpenTransaction.begin(this.url),
      streams,
      versions: new Map(this.versions),
    };
    this.held.push(held);
    await this.appendMore(held, eventCount);
  }

  private async appendMore({ transaction, streams, versions }: Held, count: number): Promise<void> {
    for (const stream of streams) {
      const version = versions.get(stream) ?? 0;
      if (!(await transaction.append(numbered(stream, version, count)))) throw new Error('refused');
      versions.set(stream, version + count);
    }
  }

  private async end(index: number, how: 'commit' | 'rollback'): Promise<void> {
    const [{ transaction, streams, versions }] = this.held.splice(index, 1) as [Held];
    await transaction.end(how);
    this.idle.push(...streams);
    if (how === 'rollback') return;
    for (const streamId of streams) {
      const [before, after] = [this.versions.get(streamId) ?? 0, versions.get(streamId) ?? 0];
      for (let version = before + 1; version <= after; version++) this.committed.push(nameOf({ streamId, version }));
      this.versions.set(streamId, after);
    }
  }
}
