import { type LegEndedBy, type LegEndReason, type LegSignal } from '../provider.js';

type WithoutTime<T> = T extends unknown ? Omit<T, 'at'> : never;
export type UntimedSignal = WithoutTime<LegSignal>;

/** A signal of a leg; its times are milliseconds from the dial. */
export interface TimedSignal {
  /** Of an end that is all that is told: when the call was answered. */
  answeredMs?: number;
  /** When it happens. */
  atMs: number;
  /** When the provider gets round to telling it: later where callbacks are bad. */
  toldMs: number;
  signal: UntimedSignal;
}

const RINGING_MS = 400;
export const REFUSED_MS = 600;
export const DECLINED_MS = 2_000;
export const ANSWERED_MS = 2_400;
/** About how long it takes to say a character. */
const SPEECH_MS_PER_CHARACTER = 65;
const PAUSE_MS = 500;
const SILENCE_MS = 8_000;
const BETWEEN_KEYS_MS = 200;
export const LATE_MS = 4_000;
const REPEATED_AFTER_MS = 150;
const SWAPPED_AFTER_MS = 50;

export const CONVERSATION = [
  'Hello, this is Ada, an automated assistant. I am calling about your appointment tomorrow at ten. Is this a good time?',
  'Yes, hi. Good that you call.',
  'I would like to confirm it. Will you be there at ten?',
  'Ten is difficult. Could we make it eleven?',
  'Let me look. Yes, eleven is free. Shall I move it?',
  'Yes, please.',
  'Done: tomorrow at eleven. Thank you, and have a nice day.',
  'Thanks, you too. Bye!',
];
const OPENING = CONVERSATION[0] ?? '';
export const INTERRUPTED = [
  'Hello, this is Ada, an automated assistant. I am calling about',
  'Sorry, I am in a hurry. Can you make it short?',
  'Of course. Will you be there tomorrow at ten?',
  'Yes, I will. Bye!',
];
export const SILENT = [OPENING, '', 'Are you still there?', '', 'Nobody seems to be there. Goodbye.'];
export const FOR_A_PERSON = [
  OPENING,
  'Hello! I would like to speak to a person, please.',
  'I am sorry, nobody is free right now. We will call you back. Goodbye!',
];
const KEYS = '12#';
export const MACHINE_GREETING = 'Hi, I cannot take your call right now. Please leave a message after the tone.';

export const signal = (atMs: number, what: TimedSignal['signal']): TimedSignal => ({
  atMs,
  toldMs: atMs,
  signal: what,
});

export function ended(
  atMs: number,
  reason: LegEndReason | 'capacity',
  by: LegEndedBy,
  sipCode: number | null = null,
  detail: string | null = null,
): TimedSignal {
  return signal(atMs, { type: 'ended', reason, by, sipCode, detail });
}

export const ringing = signal(RINGING_MS, { type: 'ringing' });
export const answered = signal(ANSWERED_MS, { type: 'answered' });

/** Turns one after the other, the first of them by `first`. */
export function talk(texts: string[], first: 'agent' | 'customer' = 'agent'): TimedSignal[] {
  const second = first === 'agent' ? 'customer' : 'agent';
  let startMs = PAUSE_MS;
  return texts.flatMap((text, index) => {
    // Who says nothing is waited for.
    const endMs = startMs + (text === '' ? SILENCE_MS : text.length * SPEECH_MS_PER_CHARACTER);
    const turn = { type: 'turn', speaker: index % 2 === 0 ? first : second, text, startMs, endMs } as const;
    startMs = endMs + PAUSE_MS;
    return text === '' ? [] : [signal(ANSWERED_MS + endMs, turn)];
  });
}

/** The moment one pause after the last signal. */
const afterwards = (signals: TimedSignal[]): number => (signals.at(-1)?.atMs ?? ANSWERED_MS) + PAUSE_MS;

export function conversation(texts = CONVERSATION): TimedSignal[] {
  const turns = talk(texts);
  return [ringing, answered, ...turns, ended(afterwards(turns), 'agent_hangup', 'agent')];
}

/** Keys instead of an answer, and a goodbye. */
export function pressedKeys(): TimedSignal[] {
  const turns = talk([OPENING]);
  const from = afterwards(turns);
  const keys = [...KEYS].map((digit, index) => signal(from + index * BETWEEN_KEYS_MS, { type: 'dtmf', digit }));
  return [ringing, answered, ...turns, ...keys, ended(afterwards(keys), 'agent_hangup', 'agent')];
}

export function voicemail(): TimedSignal[] {
  const turns = talk([MACHINE_GREETING], 'customer');
  const detail = 'A machine answered';
  return [ringing, answered, ...turns, ended(afterwards(turns), 'voicemail_reached', 'system', null, detail)];
}

export const isEnd = ({ signal }: TimedSignal): boolean => signal.type === 'ended';
const inToldOrder = (signals: TimedSignal[]): TimedSignal[] => signals.sort((a, b) => a.toldMs - b.toldMs);

export function tellTwice(signals: TimedSignal[]): TimedSignal[] {
  const repeated = signals
    .filter((one) => !isEnd(one))
    .map((one) => ({ ...one, toldMs: one.toldMs + REPEATED_AFTER_MS }));
  return inToldOrder([...signals, ...repeated]);
}

/** Of each two neighbours the later one is told first: the answer before the ringing. Nothing follows the end. */
export function tellSwapped(signals: TimedSignal[]): TimedSignal[] {
  const swapped = signals.map((one, index) => {
    const next = signals[index + 1];
    return index % 2 === 0 && next && !isEnd(next) ? { ...one, toldMs: next.toldMs + SWAPPED_AFTER_MS } : one;
  });
  return inToldOrder(swapped);
}

export const tellLate = (signals: TimedSignal[]): TimedSignal[] =>
  signals.map((one) => ({ ...one, toldMs: one.toldMs + LATE_MS }));

export function tellEndOnly(signals: TimedSignal[]): TimedSignal[] {
  const answeredMs = signals.find(({ signal }) => signal.type === 'answered')?.atMs;
  return signals.filter(isEnd).map((end) => ({ ...end, ...(answeredMs === undefined ? {} : { answeredMs }) }));
}
