import { type LegEndedBy, type LegEndReason, type LegSignal } from '../provider.js';

type WithoutTime<T> = T extends unknown ? Omit<T, 'at'> : never;
export type UntimedSignal = WithoutTime<LegSignal>;

/** A signal of a leg; its times are milliseconds from the dial. */
export interface TimedSignal {
  /** The time of the answer, for an end that is the only signal delivered. */
  answeredMs?: number;
  /** When it happens. */
  atMs: number;
  /** When the provider delivers it: later than it happens where callbacks are bad. */
  deliveredMs: number;
  signal: UntimedSignal;
}

const RINGING_MS = 400;
export const REFUSED_MS = 600;
export const DECLINED_MS = 2_000;
export const ANSWERED_MS = 2_400;
/** Speech takes about so long for each character. */
const SPEECH_MS_PER_CHARACTER = 65;
const PAUSE_MS = 500;
const SILENCE_MS = 8_000;
const BETWEEN_KEYS_MS = 200;
export const LATE_MS = 4_000;
const REPEATED_AFTER_MS = 150;
const SWAPPED_AFTER_MS = 50;

export const CONVERSATION_TEXTS = [
  'Hello, this is Ada, an automated assistant. I am calling about your appointment tomorrow at ten. Is this a good time?',
  'Yes, hi. Good that you call.',
  'I would like to confirm it. Will you be there at ten?',
  'Ten is difficult. Could we make it eleven?',
  'Let me look. Yes, eleven is free. Shall I move it?',
  'Yes, please.',
  'Done: tomorrow at eleven. Thank you, and have a nice day.',
  'Thanks, you too. Bye!',
];
const OPENING = CONVERSATION_TEXTS[0] ?? '';
export const INTERRUPTED_TEXTS = [
  'Hello, this is Ada, an automated assistant. I am calling about',
  'Sorry, I am in a hurry. Can you make it short?',
  'Of course. Will you be there tomorrow at ten?',
  'Yes, I will. Bye!',
];
/** An empty text is a silence instead of a turn. */
export const SILENT_TEXTS = [OPENING, '', 'Are you still there?', '', 'Nobody seems to be there. Goodbye.'];
export const TRANSFER_REQUEST_TEXTS = [
  OPENING,
  'Hello! I would like to speak to a person, please.',
  'I am sorry, nobody is free right now. We will call you back. Goodbye!',
];
const KEYS = '12#';
export const MACHINE_GREETING = 'Hi, I cannot take your call right now. Please leave a message after the tone.';

export const timed = (atMs: number, signal: UntimedSignal): TimedSignal => ({ atMs, deliveredMs: atMs, signal });

export function ended(
  atMs: number,
  reason: LegEndReason | 'capacity',
  by: LegEndedBy,
  sipCode: number | null = null,
  detail: string | null = null,
): TimedSignal {
  return timed(atMs, { type: 'ended', reason, by, sipCode, detail });
}

export const ringing = timed(RINGING_MS, { type: 'ringing' });
export const answered = timed(ANSWERED_MS, { type: 'answered' });

/** Turns of both speakers in alternation. */
export function turnsOf(texts: string[], first: 'agent' | 'customer' = 'agent'): TimedSignal[] {
  const second = first === 'agent' ? 'customer' : 'agent';
  let startMs = PAUSE_MS;
  return texts.flatMap((text, index) => {
    const endMs = startMs + (text === '' ? SILENCE_MS : text.length * SPEECH_MS_PER_CHARACTER);
    const turn = { type: 'turn', speaker: index % 2 === 0 ? first : second, text, startMs, endMs } as const;
    startMs = endMs + PAUSE_MS;
    return text === '' ? [] : [timed(ANSWERED_MS + endMs, turn)];
  });
}

/** The moment one pause after the last signal. */
const pauseAfter = (signals: TimedSignal[]): number => (signals.at(-1)?.atMs ?? ANSWERED_MS) + PAUSE_MS;

export function answeredCall(texts = CONVERSATION_TEXTS): TimedSignal[] {
  const turns = turnsOf(texts);
  return [ringing, answered, ...turns, ended(pauseAfter(turns), 'agent_hangup', 'agent')];
}

/** The customer presses keys instead of speaking. */
export function keypadCall(): TimedSignal[] {
  const turns = turnsOf([OPENING]);
  const from = pauseAfter(turns);
  const keys = [...KEYS].map((digit, index) => timed(from + index * BETWEEN_KEYS_MS, { type: 'dtmf', digit }));
  return [ringing, answered, ...turns, ...keys, ended(pauseAfter(keys), 'agent_hangup', 'agent')];
}

export function voicemailCall(): TimedSignal[] {
  const turns = turnsOf([MACHINE_GREETING], 'customer');
  const detail = 'A machine answered';
  return [ringing, answered, ...turns, ended(pauseAfter(turns), 'voicemail_reached', 'system', null, detail)];
}

export const isEnd = ({ signal }: TimedSignal): boolean => signal.type === 'ended';
const inDeliveryOrder = (signals: TimedSignal[]): TimedSignal[] =>
  signals.sort((a, b) => a.deliveredMs - b.deliveredMs);

export function deliverTwice(signals: TimedSignal[]): TimedSignal[] {
  const repeated = signals
    .filter((one) => !isEnd(one))
    .map((one) => ({ ...one, deliveredMs: one.deliveredMs + REPEATED_AFTER_MS }));
  return inDeliveryOrder([...signals, ...repeated]);
}

/** Delivers the later one of each two neighbours first, the answer before the ringing. The end stays last. */
export function deliverSwapped(signals: TimedSignal[]): TimedSignal[] {
  const swapped = signals.map((one, index) => {
    const next = signals[index + 1];
    const isFirstOfPair = index % 2 === 0;
    return isFirstOfPair && next && !isEnd(next) ? { ...one, deliveredMs: next.deliveredMs + SWAPPED_AFTER_MS } : one;
  });
  return inDeliveryOrder(swapped);
}

export const deliverLate = (signals: TimedSignal[]): TimedSignal[] =>
  signals.map((one) => ({ ...one, deliveredMs: one.deliveredMs + LATE_MS }));

export function deliverEndOnly(signals: TimedSignal[]): TimedSignal[] {
  const answeredMs = signals.find(({ signal }) => signal.type === 'answered')?.atMs;
  return signals.filter(isEnd).map((end) => ({ ...end, ...(answeredMs === undefined ? {} : { answeredMs }) }));
}
