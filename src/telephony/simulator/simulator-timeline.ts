import { type LegSignal } from '../telephony-provider.js';
import { type TimedSignal } from './simulator-script.js';

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

/**
 * What a hang-up leaves of signals still to be told: what had happened by then, told now at the latest, and the end.
 * A hang-up after the end changes nothing.
 */
export function withHangup(signals: readonly DueSignal[], hangupAt: number): DueSignal[] {
  const happened = signals.filter(({ signal }) => signal.at.getTime() <= hangupAt);
  if (happened.some(({ signal }) => signal.type === 'ended')) return [...signals];
  const end: LegSignal = {
    type: 'ended',
    at: new Date(hangupAt),
    reason: 'agent_hangup',
    by: 'agent',
    sipCode: null,
    detail: null,
  };
  const told = happened.map(({ dueAt, signal }) => ({ dueAt: Math.min(dueAt, hangupAt), signal }));
  return [...told, { dueAt: hangupAt, signal: end }];
}
