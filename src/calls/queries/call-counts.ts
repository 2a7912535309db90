import { type CallState, statusOf } from '../call-state.js';

/** A change to the number of calls of one kind. */
export interface CountChange {
  status: string;
  direction: string;
  calls: number;
}

/** How the counts change when a call goes from one state to another. */
export function countChanges(before: CallState, after: CallState): CountChange[] {
  const [from, to] = [statusOf(before), statusOf(after)];
  if (from === to || after.status === 'unknown') return [];
  const { direction } = after.facts;
  return [
    ...(from ? [{ status: from, direction, calls: -1 }] : []),
    ...(to ? [{ status: to, direction, calls: 1 }] : []),
  ];
}

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** A stretch of time, from inclusive to exclusive, whose calls are counted in one way. */
export interface Stretch {
  /** `day` and `hour`: the sum of whole buckets; `rows`: part of an hour, counted row by row. */
  by: 'day' | 'hour' | 'rows';
  /** Milliseconds since 1970; infinite where the range is open. */
  from: number;
  to: number;
}

/**
 * Cuts a range of time, newest part first, into stretches of whole days, the whole hours around them and the parts of an
 * hour at its edges, so that only those parts have to be counted row by row.
 */
export function stretchesOf(from: number, to: number): Stretch[] {
  if (from >= to) return [];
  const up = (time: number, unit: number) => Math.ceil(time / unit) * unit;
  const down = (time: number, unit: number) => Math.floor(time / unit) * unit;
  const firstHour = up(from, HOUR_MS);
  const lastHour = down(to, HOUR_MS);
  if (firstHour > lastHour) return [{ by: 'rows', from, to }];
  const firstDay = Math.min(up(firstHour, DAY_MS), lastHour);
  const lastDay = Math.max(down(lastHour, DAY_MS), firstDay);
  const stretches: Stretch[] = [
    { by: 'rows', from: lastHour, to },
    { by: 'hour', from: lastDay, to: lastHour },
    { by: 'day', from: firstDay, to: lastDay },
    { by: 'hour', from: firstHour, to: firstDay },
    { by: 'rows', from, to: firstHour },
  ];
  return stretches.filter((stretch) => stretch.from < stretch.to);
}
