import { type LegSignal } from '../provider.js';
import { type TimedSignal } from './timed-signals.js';

/** A signal and the moment, in milliseconds since 1970, from which it may be told. */
export interface DueSignal {
  dueAt: number;
  signal: LegSignal;
}

/** A script on the wall clock. `speed` 10 is ten times faster than real time; `Infinity` makes all of it happen at once. */
export function timeline(script: readonly TimedSignal[], dialledAt: number, speed: number): DueSignal[] {
  // Each moment is rounded by itself, so that order survives and a turn never reaches beyond the end.
  const onClock = (offsetMs: number): number => dialledAt + Math.round(offsetMs / speed);
  return script.map(({ atMs, toldMs, signal, answeredMs: toldAnswerMs }) => {
    const at = new Date(onClock(atMs));
    const dueAt = onClock(toldMs);
    if (signal.type === 'ended' && toldAnswerMs !== undefined)
      return { dueAt, signal: { ...signal, at, answeredAt: new Date(onClock(toldAnswerMs)) } };
    if (signal.type !== 'turn') return { dueAt, signal: { ...signal, at } };
    const answeredMs = atMs - signal.endMs;
    const sinceAnswer = (ms: number): number => onClock(answeredMs + ms) - onClock(answeredMs);
    const { startMs, endMs } = signal;
    return { dueAt, signal: { ...signal, at, startMs: sinceAnswer(startMs), endMs: sinceAnswer(endMs) } };
  });
}

/** With a signal that was not in the script, after what happens before it. */
export function withSignal(signals: readonly DueSignal[], signal: LegSignal): DueSignal[] {
  const dueAt = signal.at.getTime();
  const isBefore = (one: DueSignal): boolean => one.dueAt <= dueAt && one.signal.type !== 'ended';
  return [...signals.filter(isBefore), { dueAt, signal }, ...signals.filter((one) => !isBefore(one))];
}

/** As an end that was not in the script leaves it. One after the end changes nothing. */
export function withEnd(signals: readonly DueSignal[], end: Extract<LegSignal, { type: 'ended' }>): DueSignal[] {
  const endAt = end.at.getTime();
  const happened = signals.filter(({ signal }) => signal.at.getTime() <= endAt);
  if (happened.some(({ signal }) => signal.type === 'ended')) return [...signals];
  const told = happened.map(({ dueAt, signal }) => ({ dueAt: Math.min(dueAt, endAt), signal }));
  return [...told, { dueAt: endAt, signal: end }];
}

/**
 * What a hang-up leaves of signals still to be told: what had happened by then, told now at the latest, and the end.
 * A hang-up after the end changes nothing.
 */
export const withHangup = (signals: readonly DueSignal[], hangupAt: number): DueSignal[] =>
  withEnd(signals, {
    type: 'ended',
    at: new Date(hangupAt),
    reason: 'agent_hangup',
    by: 'agent',
    sipCode: null,
    detail: null,
  });
