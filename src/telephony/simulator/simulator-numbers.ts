import { type DialRequest, type LegSignal } from '../provider.js';
import {
  answered,
  ANSWERED_MS,
  conversation,
  CONVERSATION,
  DECLINED_MS,
  ended,
  FOR_A_PERSON,
  INTERRUPTED,
  isEnd,
  LATE_MS,
  pressedKeys,
  REFUSED_MS,
  ringing,
  signal,
  SILENT,
  talk,
  tellEndOnly,
  tellLate,
  tellSwapped,
  tellTwice,
  type TimedSignal,
  voicemail,
} from './timed-signals.js';

/** Who answers a phone where there is audio (`far-ends.ts`). */
export type FarEndName =
  'person' | 'interrupting' | 'asking for a person' | 'pressing keys' | 'talkative' | 'silent' | 'machine';

/** A destination of test mode and how a call to it goes. */
export interface SimulatorNumber {
  /** E.164. */
  number: string;
  title: string;
  does: string;
}

interface Entry extends SimulatorNumber {
  /** What would happen if nobody minded ring timeout and maximum duration. */
  plan: (dialsBefore: number) => TimedSignal[];
  /** What a provider with bad callbacks makes of it. */
  tell?: (signals: TimedSignal[]) => TimedSignal[];
  countsDials?: true;
  /** Without one there never is audio: where callbacks are bad, nobody knows when to speak. */
  farEnd?: FarEndName;
}

const CAPACITY_REFUSALS = 2;

const ENTRIES: readonly [Entry, ...Entry[]] = [
  {
    number: '+15550000001',
    title: 'Answered',
    does: 'Answers and talks for several turns, then the agent hangs up. Every number not listed here does the same.',
    farEnd: 'person',
    plan: () => conversation(),
  },
  {
    number: '+15550000002',
    title: 'Busy',
    does: 'Is busy: 486, `dial_busy`.',
    plan: () => [ended(REFUSED_MS, 'dial_busy', 'customer', 486)],
  },
  {
    number: '+15550000003',
    title: 'No answer',
    does: 'Rings until the ring timeout: 408, `dial_no_answer`.',
    plan: () => [ringing],
  },
  {
    number: '+15550000004',
    title: 'Declined',
    does: 'Rings and is declined: 603, `user_declined`.',
    plan: () => [ringing, ended(DECLINED_MS, 'user_declined', 'customer', 603)],
  },
  {
    number: '+15550000005',
    title: 'Invalid number',
    does: 'Is no number in service: 404, `invalid_destination`.',
    plan: () => [ended(REFUSED_MS, 'invalid_destination', 'carrier', 404)],
  },
  {
    number: '+15550000006',
    title: 'Voicemail',
    does: 'Is answered by a machine: `voicemail_reached` after its greeting.',
    farEnd: 'machine',
    plan: voicemail,
  },
  {
    number: '+15550000007',
    title: 'Carrier unavailable',
    does: 'The carrier fails: 503, `telephony_provider_unavailable`.',
    plan: () => [ended(REFUSED_MS, 'telephony_provider_unavailable', 'carrier', 503)],
  },
  {
    number: '+15550000008',
    title: 'Carrier full',
    does: `The carrier has no free channel the first ${CAPACITY_REFUSALS} times that a call is dialled; then it answers.`,
    countsDials: true,
    farEnd: 'person',
    plan: (dialsBefore) =>
      dialsBefore < CAPACITY_REFUSALS
        ? [ended(REFUSED_MS, 'capacity', 'carrier', 503, 'Maximum number of channels reached')]
        : conversation(),
  },
  {
    number: '+15550000009',
    title: 'Line drops',
    does: 'Answers, and the line is lost after a second: `error_media_lost`.',
    farEnd: 'silent',
    plan: () => [ringing, answered, ended(ANSWERED_MS + 1_000, 'error_media_lost', 'carrier')],
  },
  {
    number: '+15550000010',
    title: 'Customer hangs up',
    does: 'Answers and hangs up after a second: `user_hangup`.',
    farEnd: 'silent',
    plan: () => [ringing, answered, ended(ANSWERED_MS + 1_000, 'user_hangup', 'customer')],
  },
  {
    number: '+15550000011',
    title: 'Very long call',
    does: 'Answers, talks, and stays on the line until the maximum duration: `max_duration_reached`.',
    farEnd: 'talkative',
    plan: () => [ringing, answered, ...talk(CONVERSATION)],
  },
  {
    number: '+15550000012',
    title: 'Unreachable',
    does: 'Rings, the carrier plays an announcement and gives up after 20 s: 480, `dial_no_answer`.',
    plan: () => [ringing, signal(15_000, { type: 'early' }), ended(20_000, 'dial_no_answer', 'carrier', 480)],
  },
  {
    number: '+15550000013',
    title: 'Carrier blocks',
    does: 'The carrier blocks the call as unwanted: 603 with its marker, `carrier_blocked`.',
    plan: () => [ended(REFUSED_MS, 'carrier_blocked', 'carrier', 603, 'Network blocked')],
  },
  {
    number: '+15550000014',
    title: 'Not permitted',
    does: 'The carrier does not let us call there: 403, `telephony_provider_permission_denied`.',
    plan: () => [ended(REFUSED_MS, 'telephony_provider_permission_denied', 'carrier', 403)],
  },
  {
    number: '+15550000015',
    title: 'Interrupts',
    does: 'Answers and interrupts the agent in the middle of a sentence.',
    farEnd: 'interrupting',
    plan: () => conversation(INTERRUPTED),
  },
  {
    number: '+15550000016',
    title: 'Says nothing',
    does: 'Answers and says nothing: the agent asks, and gives up: `inactivity`.',
    farEnd: 'silent',
    plan: () => conversation(SILENT),
  },
  {
    number: '+15550000017',
    title: 'Asks for a person',
    does: 'Answers and asks to be connected with a person. A transfer works where the other number would answer.',
    farEnd: 'asking for a person',
    plan: () => conversation(FOR_A_PERSON),
  },
  {
    number: '+15550000018',
    title: 'Presses keys',
    does: 'Answers and presses 1, 2 and #.',
    farEnd: 'pressing keys',
    plan: pressedKeys,
  },
  {
    number: '+15550000021',
    title: 'Duplicated callbacks',
    does: 'As the answered one; everything but the end is told twice.',
    plan: () => conversation(),
    tell: tellTwice,
  },
  {
    number: '+15550000022',
    title: 'Reordered callbacks',
    does: 'As the answered one; neighbours are told in the wrong order, the answer before the ringing.',
    plan: () => conversation(),
    tell: tellSwapped,
  },
  {
    number: '+15550000023',
    title: 'Late callbacks',
    does: `As the answered one; everything is told ${LATE_MS / 1_000} s after it happened.`,
    plan: () => conversation(),
    tell: tellLate,
  },
  {
    number: '+15550000024',
    title: 'Missing callbacks',
    does: 'As the answered one; only the end is ever told, and with it when the call was answered.',
    plan: () => conversation(),
    tell: tellEndOnly,
  },
  {
    number: '+15550000025',
    title: 'End never told',
    does: 'As the answered one; the end is never told. It stays silent until it is hung up.',
    plan: () => conversation(),
    tell: (signals) => signals.filter((one) => !isEnd(one)),
  },
];

/** Every destination with a behaviour of its own. Every other number does what the first does. */
export const SIMULATOR_NUMBERS: readonly SimulatorNumber[] = ENTRIES.map(({ number, title, does }) => ({
  number,
  title,
  does,
}));

const entryFor = (number: string): Entry => ENTRIES.find((entry) => entry.number === number) ?? ENTRIES[0];

/** Whether a number behaves by how often the call was dialled before. */
export const countsDials = (number: string): boolean => entryFor(number).countsDials === true;

/** The plan as ring timeout (from the dial) and maximum duration (from the answer) leave it. */
function limited(plan: TimedSignal[], { ringTimeoutMs, maxDurationMs }: Limits): TimedSignal[] {
  const momentOf = (type: LegSignal['type']) => plan.find((one) => one.signal.type === type)?.atMs ?? Infinity;
  const answeredMs = momentOf('answered');
  const endedMs = momentOf('ended');
  const until = (limitMs: number) => plan.filter(({ atMs }) => atMs <= limitMs);
  if (Math.min(answeredMs, endedMs) > ringTimeoutMs)
    return [...until(ringTimeoutMs), ended(ringTimeoutMs, 'dial_no_answer', 'system', 408)];
  const limitMs = answeredMs + maxDurationMs;
  return endedMs > limitMs ? [...until(limitMs), ended(limitMs, 'max_duration_reached', 'system')] : plan;
}

type Limits = Pick<DialRequest, 'ringTimeoutMs' | 'maxDurationMs'>;

/** What is left of a plan where there is audio: what is said, and what follows from it, is up to both sides then. */
function withoutTalk(plan: TimedSignal[]): TimedSignal[] {
  const firstTurn = plan.findIndex((one) => one.signal.type === 'turn');
  return firstTurn === -1 ? plan : plan.slice(0, firstTurn);
}

/** Who would answer a number if it were dialled now; undefined: nobody, or nobody who can be talked to. */
export function farEndFor(number: string, dialsBefore: number): FarEndName | undefined {
  const { plan, farEnd } = entryFor(number);
  return plan(dialsBefore).some((one) => one.signal.type === 'answered') ? farEnd : undefined;
}

/**
 * What a dial leads to, in the order it is told; nothing follows `ended`.
 * @param dialsBefore how often the same call was dialled before; only read for numbers that count dials
 * @param hasAudio what is said is said on the line, and not told
 */
export function scriptFor(
  request: Limits & Pick<DialRequest, 'to'>,
  dialsBefore: number,
  hasAudio = false,
): TimedSignal[] {
  const { plan, tell } = entryFor(request.to);
  const planned = plan(dialsBefore);
  const signals = limited(hasAudio ? withoutTalk(planned) : planned, request);
  const told = tell ? tell(signals) : signals;
  const end = told.findIndex(isEnd);
  return end === -1 ? told : told.slice(0, end + 1);
}
