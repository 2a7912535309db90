import { type CallState, statusOf } from '../call-state.js';

/** A change of the number of calls with this status and direction. */
interface CountChange {
  status: string;
  direction: string;
  calls: number;
}

/** Changes of the counts when a call changes its state. */
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

/** A range of time, `from` inclusive, `to` exclusive, with one way of counting. */
export interface Stretch {
  /** `day` and `hour`: sums of whole buckets; `rows`: counts the rows of a part of an hour. */
  by: 'day' | 'hour' | 'rows';
  /** Milliseconds since 1970; infinite where the range is open. */
  from: number;
  to: number;
}

/**
 * Divides a range of time, newest first, into whole days, the whole hours around them and the parts of hours at its
 * edges. Only those parts need a count of rows.
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
