import { type LegSignal } from '../provider.js';
import { type TimedSignal } from './timed-signals.js';

/** A signal and the moment of its delivery, in milliseconds since 1970. */
export interface DueSignal {
  dueAt: number;
  signal: LegSignal;
}

/**
 * Places timed signals on the wall clock.
 * @param speed 10 is ten times faster than real time; with `Infinity` all of a call happens at once
 */
export function dueSignals(signals: readonly TimedSignal[], dialledAt: number, speed: number): DueSignal[] {
  // Each moment is rounded by itself: the order survives, and no turn reaches beyond the end.
  const onClock = (offsetMs: number): number => dialledAt + Math.round(offsetMs / speed);
  return signals.map(({ atMs, deliveredMs, signal, answeredMs: namedAnswerMs }) => {
    const at = new Date(onClock(atMs));
    const dueAt = onClock(deliveredMs);
    if (signal.type === 'ended' && namedAnswerMs !== undefined)
      return { dueAt, signal: { ...signal, at, answeredAt: new Date(onClock(namedAnswerMs)) } };
    if (signal.type !== 'turn') return { dueAt, signal: { ...signal, at } };
    const answeredMs = atMs - signal.endMs;
    const sinceAnswer = (ms: number): number => onClock(answeredMs + ms) - onClock(answeredMs);
    const { startMs, endMs } = signal;
    return { dueAt, signal: { ...signal, at, startMs: sinceAnswer(startMs), endMs: sinceAnswer(endMs) } };
  });
}

/** Adds a signal that the number does not script, behind those that are due by then. */
export function withSignal(signals: readonly DueSignal[], signal: LegSignal): DueSignal[] {
  const dueAt = signal.at.getTime();
  const isBefore = (one: DueSignal): boolean => one.dueAt <= dueAt && one.signal.type !== 'ended';
  return [...signals.filter(isBefore), { dueAt, signal }, ...signals.filter((one) => !isBefore(one))];
}

/** Ends the leg earlier than scripted. An end after the scripted one changes nothing. */
export function withEnd(signals: readonly DueSignal[], end: Extract<LegSignal, { type: 'ended' }>): DueSignal[] {
  const endAt = end.at.getTime();
  const happened = signals.filter(({ signal }) => signal.at.getTime() <= endAt);
  if (happened.some(({ signal }) => signal.type === 'ended')) return [...signals];
  // Signals that happened but are not delivered yet come with the end at the latest.
  const delivered = happened.map(({ dueAt, signal }) => ({ dueAt: Math.min(dueAt, endAt), signal }));
  return [...delivered, { dueAt: endAt, signal: end }];
}

/** Ends the leg by a hang-up of the agent. A hang-up after the end changes nothing. */
export const withHangup = (signals: readonly DueSignal[], hangupAt: number): DueSignal[] =>
  withEnd(signals, {
    type: 'ended',
    at: new Date(hangupAt),
    reason: 'agent_hangup',
    by: 'agent',
    sipCode: null,
    detail: null,
  });
