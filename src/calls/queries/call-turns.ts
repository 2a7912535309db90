import { type Database, type Notifications } from '../../lib/platform/index.js';

export interface Turn {
  speaker: 'agent' | 'customer';
  text: string;
  /** Milliseconds since the answer. */
  startMs: number;
  endMs: number;
  /** Whether the other side broke in. */
  interrupted?: boolean;
  /** Of an answer: how long each stage took, milliseconds. */
  latency?: object | null;
}

/** Turns of one side that may begin in the same moment. */
const MOST_AT_ONCE = 20;

/** Its rows have a place in the feed, between the events. */
export const TURNS_TABLE = 'call_turns';

/**
 * Keeps what was said. The same turn (speaker, start and text) told twice is one: false then. Other words at the same
 * moment, of a line that had stood still, come a millisecond later each.
 */
export async function saveTurn(
  database: Database,
  callId: string,
  turn: Turn,
  wakeups: Notifications,
): Promise<boolean> {
  const saved = await database.query(
    {
      name: 'save_turn',
      text: `with already as materialized (
               select start_ms, text from call_turns
               where call_id = $1 and speaker = $2 and start_ms between $4::int and $4::int + ${MOST_AT_ONCE}
             ) insert into call_turns (call_id, speaker, text, start_ms, end_ms, interrupted, latency)
             select $1::uuid, $2::text, $3::text, free.at, greatest($5::int, free.at), $6::boolean, $7::jsonb
             from (
               select min(at) as at from generate_series($4::int, $4::int + ${MOST_AT_ONCE}) as at
               where at not in (select start_ms from already)
             ) free
             where not exists (select from already where text = $3) and free.at is not null
             on conflict (call_id, speaker, start_ms) do nothing returning call_id`,
    },
    [
      ...[callId, turn.speaker, turn.text, Math.round(turn.startMs), Math.round(turn.endMs)],
      ...[turn.interrupted ?? false, turn.latency ? JSON.stringify(turn.latency) : null],
    ],
  );
  if (saved.length > 0) wakeups.wake('call_events');
  return saved.length > 0;
}

/** What was said in a call, in the order it was said. */
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

/** A column: the transcript of call `c` as the contract has it, one text; null when nothing was said. */
export const TRANSCRIPT = `(
  select string_agg(initcap(t.speaker) || ': ' || t.text, E'\\n' order by t.start_ms, t.end_ms, t.speaker)
  from call_turns t where t.call_id = c.id
) as transcript`;
