import { Batcher, type Database, isRefusedByDatabase, type NamedStatement } from '../platform/index.js';
import { type Append, appendParameter, appendStatement, type InlineProjection } from './append-statement.js';

/** An event as it was stored. */
export interface StoredEvent {
  streamId: string;
  /** 1 for the first event of a stream, then without gaps. */
  version: number;
  type: string;
  data: object;
  metadata: object;
  recordedAt: Date;
}

export interface EventRow {
  stream_id: string;
  version: number;
  type: string;
  data: object;
  metadata: object;
  recorded_at: Date;
}

export const toStoredEvent = (row: EventRow): StoredEvent => ({
  streamId: row.stream_id,
  version: row.version,
  type: row.type,
  data: row.data,
  metadata: row.metadata,
  recordedAt: row.recorded_at,
});

const LOAD: NamedStatement = {
  name: 'load_stream',
  text: `select stream_id, version, type, data, metadata, recorded_at
         from call_events where stream_id = $1 order by version`,
};

/** Appends that share one commit, and commits under way: measured to be the best on two cores. */
const MAX_BATCH = 64;
const MAX_IN_FLIGHT = 2;

/** Stores streams of events. Concurrent appends share a commit; each resolves with its own result after the commit. */
export class EventStore {
  private readonly appends: Batcher<Append, boolean>;
  private readonly statement: NamedStatement;

  constructor(
    private readonly database: Database,
    projection: InlineProjection,
    /** Called after each commit that appended something; never part of it. */
    private readonly afterCommit: () => void = () => undefined,
  ) {
    this.statement = appendStatement(projection);
    this.appends = new Batcher((batch) => this.appendBatch(batch), {
      maxBatch: MAX_BATCH,
      maxInFlight: MAX_IN_FLIGHT,
      mayRetryAlone: isRefusedByDatabase,
    });
  }

  /**
   * Stores the events and the read model durably, in a transaction of their own.
   * @returns false when the stream has another version than expected, or the projection's gate refused; nothing is
   * stored then. Load, decide and append again.
   */
  append(append: Append): Promise<boolean> {
    // As PostgreSQL writes ids: the same stream is to be known as the same.
    return this.appends.submit({ ...append, streamId: append.streamId.toLowerCase() });
  }

  /** The events of a stream, oldest first; empty when there is none. */
  async load(streamId: string): Promise<StoredEvent[]> {
    return (await this.database.query<EventRow>(LOAD, [streamId])).map(toStoredEvent);
  }

  private async appendBatch(batch: Append[]): Promise<boolean[]> {
    // Of several appends to one stream at most one can meet the version that it expects: the latest.
    const latest = new Map<string, Append>();
    for (const append of batch) {
      const other = latest.get(append.streamId);
      if (!other || other.expectedVersion < append.expectedVersion) latest.set(append.streamId, append);
    }
    const rows = await this.database.query<{ stream_id: string }>(this.statement, [
      appendParameter([...latest.values()]),
    ]);
    const appended = new Set(rows.map((row) => row.stream_id));
    if (appended.size > 0) this.afterCommit();
    return batch.map((append) => latest.get(append.streamId) === append && appended.has(append.streamId));
  }
}
