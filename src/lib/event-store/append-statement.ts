import { type NamedStatement } from '../platform/index.js';

/** An event that has not been stored yet. */
export interface NewEvent {
  type: string;
  data: object;
}

/** What one caller wants to happen to one stream, all of it or nothing. */
export interface Append {
  streamId: string;
  /** The version that the decision was made on: 0 for a new stream. */
  expectedVersion: number;
  events: readonly NewEvent[];
  /** The cause of the event: actor and request. The decider ignores it. */
  metadata: object;
  /** What the inline projection needs. */
  payload: object;
}

/**
 * SQL of the read model that is written in the transaction of the events. It may read two relations:
 * `input(stream_id uuid, expected_version int, events jsonb, metadata jsonb, payload jsonb)`, every append asked for, and
 * `appended(stream_id uuid)`, those that took place.
 */
export interface InlineProjection {
  /** Names the prepared statement. */
  name: string;
  /** CTEs that run before the events, and the condition over `input i` under which an append may take place. */
  gate?: { ctes: readonly string[]; condition: string };
  /** CTEs that write the read model. */
  ctes: readonly string[];
}

/**
 * One statement that appends many streams' events and their read model. `$1` is a JSON array of `Append`s.
 *
 * A stream takes part when its version is still the expected one. That is checked twice: against the snapshot, and, for
 * what a concurrent transaction commits meanwhile, by the primary key. Only the first event may lose that race; the
 * others follow only where it won, so that an append is never stored in part. No write of this statement precedes its
 * snapshot, so a stream's order of versions is also its order of transaction ids, which the feed relies on.
 */
export function appendStatement(projection: InlineProjection): NamedStatement {
  const { gate } = projection;
  const ctes = [
    `input as materialized (
      select * from jsonb_to_recordset($1::jsonb)
        as i(stream_id uuid, expected_version int, events jsonb, metadata jsonb, payload jsonb)
    )`,
    ...(gate?.ctes ?? []),
    `appended as (
      insert into call_events (stream_id, version, type, data, metadata)
      select i.stream_id, i.expected_version + 1, i.events -> 0 ->> 'type', i.events -> 0 -> 'data', i.metadata
      from input i
      where i.expected_version = coalesce((select max(e.version) from call_events e where e.stream_id = i.stream_id), 0)
        ${gate ? `and (${gate.condition})` : ''}
      order by i.stream_id
      on conflict do nothing
      returning stream_id
    )`,
    `followed as (
      insert into call_events (stream_id, version, type, data, metadata)
      select i.stream_id, i.expected_version + e.n, e.event ->> 'type', e.event -> 'data', i.metadata
      from appended join input i using (stream_id)
        cross join lateral jsonb_array_elements(i.events) with ordinality as e(event, n)
      where e.n > 1
      order by i.stream_id, e.n
    )`,
    ...projection.ctes,
  ];
  return { name: `append_${projection.name}`, text: `with ${ctes.join(',\n')}\nselect stream_id from appended` };
}

/** The parameter of the statement. Streams go in one order everywhere, so that two batches cannot deadlock. */
export function appendParameter(appends: readonly Append[]): string {
  return JSON.stringify(
    appends
      .map(({ streamId, expectedVersion, events, metadata, payload }) => ({
        stream_id: streamId,
        expected_version: expectedVersion,
        events,
        metadata,
        payload,
      }))
      .sort((a, b) => (a.stream_id < b.stream_id ? -1 : 1)),
  );
}
