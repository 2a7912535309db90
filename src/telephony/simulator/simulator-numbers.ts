import { type DialRequest, type LegSignal } from '../provider.js';
import {
  answered,
  ANSWERED_MS,
  answeredCall,
  CONVERSATION_TEXTS,
  DECLINED_MS,
  deliverEndOnly,
  deliverLate,
  deliverSwapped,
  deliverTwice,
  ended,
  INTERRUPTED_TEXTS,
  isEnd,
  keypadCall,
  LATE_MS,
  REFUSED_MS,
  ringing,
  SILENT_TEXTS,
  timed,
  type TimedSignal,
  TRANSFER_REQUEST_TEXTS,
  turnsOf,
  voicemailCall,
} from './timed-signals.js';

/** The behaviours of far ends with audio (`far-ends.ts`). */
export type FarEndName =
  'person' | 'interrupting' | 'asking for a person' | 'pressing keys' | 'talkative' | 'silent' | 'machine';

/** A destination of test mode. */
export interface SimulatorNumber {
  /** E.164. */
  number: string;
  title: string;
  /** How a call to it goes. */
  description: string;
}

interface NumberBehaviour extends SimulatorNumber {
  /** The call without ring timeout and maximum duration. */
  signals: (dialsBefore: number) => TimedSignal[];
  /** The deliveries of a provider with bad callbacks. */
  deliver?: (signals: TimedSignal[]) => TimedSignal[];
  countsDials?: true;
  /** Absent: calls never have audio, because with bad callbacks the moment of the answer is not known. */
  farEnd?: FarEndName;
}

const CAPACITY_REFUSALS = 2;

const BEHAVIOURS: readonly [NumberBehaviour, ...NumberBehaviour[]] = [
  {
    number: '+15550000001',
    title: 'Answered',
    description:
      'Answers and talks for several turns, then the agent hangs up. Every number not listed here does the same.',
    farEnd: 'person',
    signals: () => answeredCall(),
  },
  {
    number: '+15550000002',
    title: 'Busy',
    description: 'Is busy: 486, `dial_busy`.',
    signals: () => [ended(REFUSED_MS, 'dial_busy', 'customer', 486)],
  },
  {
    number: '+15550000003',
    title: 'No answer',
    description: 'Rings until the ring timeout: 408, `dial_no_answer`.',
    signals: () => [ringing],
  },
  {
    number: '+15550000004',
    title: 'Declined',
    description: 'Rings and is declined: 603, `user_declined`.',
    signals: () => [ringing, ended(DECLINED_MS, 'user_declined', 'customer', 603)],
  },
  {
    number: '+15550000005',
    title: 'Invalid number',
    description: 'Is not in service: 404, `invalid_destination`.',
    signals: () => [ended(REFUSED_MS, 'invalid_destination', 'carrier', 404)],
  },
  {
    number: '+15550000006',
    title: 'Voicemail',
    description: 'Is answered by a machine: `voicemail_reached` after its greeting.',
    farEnd: 'machine',
    signals: voicemailCall,
  },
  {
    number: '+15550000007',
    title: 'Carrier unavailable',
    description: 'The carrier fails: 503, `telephony_provider_unavailable`.',
    signals: () => [ended(REFUSED_MS, 'telephony_provider_unavailable', 'carrier', 503)],
  },
  {
    number: '+15550000008',
    title: 'Carrier full',
    description: `The carrier has no free channel the first ${CAPACITY_REFUSALS} times that a call is dialled; then it answers.`,
    countsDials: true,
    farEnd: 'person',
    signals: (dialsBefore) =>
      dialsBefore < CAPACITY_REFUSALS
        ? [ended(REFUSED_MS, 'capacity', 'carrier', 503, 'Maximum number of channels reached')]
        : answeredCall(),
  },
  {
    number: '+15550000009',
    title: 'Line drops',
    description: 'Answers, and the line is lost after a second: `error_media_lost`.',
    farEnd: 'silent',
    signals: () => [ringing, answered, ended(ANSWERED_MS + 1_000, 'error_media_lost', 'carrier')],
  },
  {
    number: '+15550000010',
    title: 'Customer hangs up',
    description: 'Answers and hangs up after a second: `user_hangup`.',
    farEnd: 'silent',
    signals: () => [ringing, answered, ended(ANSWERED_MS + 1_000, 'user_hangup', 'customer')],
  },
  {
    number: '+15550000011',
    title: 'Very long call',
    description: 'Answers, talks, and stays on the line until the maximum duration: `max_duration_reached`.',
    farEnd: 'talkative',
    signals: () => [ringing, answered, ...turnsOf(CONVERSATION_TEXTS)],
  },
  {
    number: '+15550000012',
    title: 'Unreachable',
    description: 'Rings, the carrier plays an announcement and ends the call after 20 s: 480, `dial_no_answer`.',
    signals: () => [ringing, timed(15_000, { type: 'early' }), ended(20_000, 'dial_no_answer', 'carrier', 480)],
  },
  {
    number: '+15550000013',
    title: 'Carrier blocks',
    description: 'The carrier blocks the call as unwanted: 603 with its marker, `carrier_blocked`.',
    signals: () => [ended(REFUSED_MS, 'carrier_blocked', 'carrier', 603, 'Network blocked')],
  },
  {
    number: '+15550000014',
    title: 'Not permitted',
    description: 'The carrier does not let us call there: 403, `telephony_provider_permission_denied`.',
    signals: () => [ended(REFUSED_MS, 'telephony_provider_permission_denied', 'carrier', 403)],
  },
  {
    number: '+15550000015',
    title: 'Interrupts',
    description: 'Answers and interrupts the agent in the middle of a sentence.',
    farEnd: 'interrupting',
    signals: () => answeredCall(INTERRUPTED_TEXTS),
  },
  {
    number: '+15550000016',
    title: 'Says nothing',
    description: 'Answers and says nothing: the agent asks, then ends the call: `inactivity`.',
    farEnd: 'silent',
    signals: () => answeredCall(SILENT_TEXTS),
  },
  {
    number: '+15550000017',
    title: 'Asks for a person',
    description:
      'Answers and asks to be connected with a person. A transfer succeeds if its target is a number that answers.',
    farEnd: 'asking for a person',
    signals: () => answeredCall(TRANSFER_REQUEST_TEXTS),
  },
  {
    number: '+15550000018',
    title: 'Presses keys',
    description: 'Answers and presses 1, 2 and #.',
    farEnd: 'pressing keys',
    signals: keypadCall,
  },
  {
    number: '+15550000021',
    title: 'Duplicated callbacks',
    description: 'As the answered one; every signal but the end arrives twice.',
    signals: () => answeredCall(),
    deliver: deliverTwice,
  },
  {
    number: '+15550000022',
    title: 'Reordered callbacks',
    description: 'As the answered one; neighbouring signals arrive in the wrong order, the answer before the ringing.',
    signals: () => answeredCall(),
    deliver: deliverSwapped,
  },
  {
    number: '+15550000023',
    title: 'Late callbacks',
    description: `As the answered one; every signal arrives ${LATE_MS / 1_000} s late.`,
    signals: () => answeredCall(),
    deliver: deliverLate,
  },
  {
    number: '+15550000024',
    title: 'Missing callbacks',
    description: 'As the answered one; only the end arrives, with the time of the answer.',
    signals: () => answeredCall(),
    deliver: deliverEndOnly,
  },
  {
    number: '+15550000025',
    title: 'Missing end',
    description: 'As the answered one; the end never arrives. The call stays silent until it is hung up.',
    signals: () => answeredCall(),
    deliver: (signals) => signals.filter((one) => !isEnd(one)),
  },
];

/** Every destination with a behaviour of its own. Every other number behaves like the first. */
export const SIMULATOR_NUMBERS: readonly SimulatorNumber[] = BEHAVIOURS.map(({ number, title, description }) => ({
  number,
  title,
  description,
}));

const behaviourOf = (number: string): NumberBehaviour =>
  BEHAVIOURS.find((behaviour) => behaviour.number === number) ?? BEHAVIOURS[0];

/** Whether the behaviour depends on how often the call was dialled before. */
export const countsDials = (number: string): boolean => behaviourOf(number).countsDials === true;

type TimeLimits = Pick<DialRequest, 'ringTimeoutMs' | 'maxDurationMs'>;

/** Ends the call at its ring timeout (from the dial) or maximum duration (from the answer). */
function withinLimits(signals: TimedSignal[], { ringTimeoutMs, maxDurationMs }: TimeLimits): TimedSignal[] {
  const momentOf = (type: LegSignal['type']) => signals.find((one) => one.signal.type === type)?.atMs ?? Infinity;
  const answeredMs = momentOf('answered');
  const endedMs = momentOf('ended');
  const until = (limitMs: number) => signals.filter(({ atMs }) => atMs <= limitMs);
  if (Math.min(answeredMs, endedMs) > ringTimeoutMs)
    return [...until(ringTimeoutMs), ended(ringTimeoutMs, 'dial_no_answer', 'system', 408)];
  const limitMs = answeredMs + maxDurationMs;
  return endedMs > limitMs ? [...until(limitMs), ended(limitMs, 'max_duration_reached', 'system')] : signals;
}

/** The signals that stay scripted with audio: from the first turn on both speakers decide. */
function beforeTurns(signals: TimedSignal[]): TimedSignal[] {
  const firstTurn = signals.findIndex((one) => one.signal.type === 'turn');
  return firstTurn === -1 ? signals : signals.slice(0, firstTurn);
}

/** The far end with audio that answers a dial; undefined: the call is not answered, or has no audio. */
export function farEndFor(number: string, dialsBefore: number): FarEndName | undefined {
  const { signals, farEnd } = behaviourOf(number);
  return signals(dialsBefore).some((one) => one.signal.type === 'answered') ? farEnd : undefined;
}

/**
 * The signals of a dial in the order of their delivery; none follows `ended`.
 * @param dialsBefore how often the same call was dialled before; read only for numbers that count dials
 * @param hasAudio omits the scripted turns: the speakers converse over audio
 */
export function timedSignalsFor(
  request: TimeLimits & Pick<DialRequest, 'to'>,
  dialsBefore: number,
  hasAudio = false,
): TimedSignal[] {
  const { signals, deliver } = behaviourOf(request.to);
  const scripted = signals(dialsBefore);
  const limited = withinLimits(hasAudio ? beforeTurns(scripted) : scripted, request);
  const delivered = deliver ? deliver(limited) : limited;
  const end = delivered.findIndex(isEnd);
  return end === -1 ? delivered : delivered.slice(0, end + 1);
}
