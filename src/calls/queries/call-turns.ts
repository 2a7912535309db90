import { type Database, type Notifications } from '../../lib/platform/index.js';

export interface Turn {
  speaker: 'agent' | 'customer';
  text: string;
  /** Milliseconds since the answer. */
  startMs: number;
  endMs: number;
  /** Whether the other side interrupted the turn. */
  interrupted?: boolean;
  /** Of an answer of the agent: milliseconds by stage. */
  latency?: object | null;
}

/** Turns of one side that may start in the same millisecond. */
const MAX_AT_ONCE = 20;

/** The table of turns. Its rows have a position in the feed, like the events. */
export const TURNS_TABLE = 'call_turns';

/**
 * Stores a turn. Another turn of the same speaker and start moves to the next free millisecond: a line that stalled
 * delivers several turns at once.
 * @returns false for a duplicate, which has the same speaker, start and text
 */
export async function saveTurn(
  database: Database,
  callId: string,
  turn: Turn,
  notifications: Notifications,
): Promise<boolean> {
  const saved = await database.query(
    {
      name: 'save_turn',
      text: `with already as materialized (
               select start_ms, text from call_turns
               where call_id = $1 and speaker = $2 and start_ms between $4::int and $4::int + ${MAX_AT_ONCE}
             ) insert into call_turns (call_id, speaker, text, start_ms, end_ms, interrupted, latency)
             select $1::uuid, $2::text, $3::text, free.at, greatest($5::int, free.at), $6::boolean, $7::jsonb
             from (
               select min(at) as at from generate_series($4::int, $4::int + ${MAX_AT_ONCE}) as at
               where at not in (select start_ms from already)
             ) free
             where not exists (select from already where text = $3) and free.at is not null
             on conflict (call_id, speaker, start_ms) do nothing returning call_id`,
    },
    [
      callId,
      turn.speaker,
      turn.text,
      Math.round(turn.startMs),
      Math.round(turn.endMs),
      turn.interrupted ?? false,
      turn.latency ? JSON.stringify(turn.latency) : null,
    ],
  );
  if (saved.length > 0) notifications.wake('call_events');
  return saved.length > 0;
}

/** The turns of a call, in order. */
export async function loadTurns(database: Database, callId: string): Promise<Turn[]> {
  return database.query<Turn>(
    {
      name: 'load_turns',
      text: `select speaker, text, start_ms as "startMs", end_ms as "endMs", interrupted, latency
             from call_turns
             where call_id = $1 order by start_ms, end_ms, speaker`,
    },
    [callId],
  );
}

/** A column: the transcript of call `c` as one text; null without turns. */
export const TRANSCRIPT = `(
  select string_agg(initcap(t.speaker) || ': ' || t.text, E'\\n' order by t.start_ms, t.end_ms, t.speaker)
  from call_turns t where t.call_id = c.id
) as transcript`;
