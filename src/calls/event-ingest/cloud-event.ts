import { parseTimestamp } from '../../lib/platform/timestamps.js';
import { DISCONNECTION_REASONS, type DisconnectionReason } from '../call-events.js';

/** A valid CloudEvent (specification 1.0) about a call. */
export interface CallCloudEvent {
  id: string;
  source: string;
  /** The call's id in lower case. */
  subject: string;
  at: string;
  content: CloudEventContent;
}

type CloudEventContent =
  | { type: 'call.ringing' }
  | { type: 'call.started' }
  | { type: 'call.ended'; reason: DisconnectionReason; sipCode: number | null; detail: string | null }
  | { type: 'call.turn'; speaker: 'agent' | 'customer'; text: string; startMs: number; endMs: number }
  | { type: 'call.recorded'; url: string };

type Fields = Readonly<Record<string, unknown>>;
type Check<T> = (data: Fields, fail: (problem: string) => never) => T;

/** Reasons that a media service may report; the API sets the other two. */
const REPORTABLE = DISCONNECTION_REASONS.filter((reason) => reason !== 'cancelled' && reason !== 'manual_stopped');

const MAX_TEXT = 10_000;
/** Tolerance for a sender's clock that is ahead. */
const CLOCK_SKEW_MS = 5 * 60_000;
const OLDEST_MS = 366 * 86_400_000;

const isText = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= max;
const isMs = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 2 ** 31 - 1;

/** The check of each type's `data`. */
const CONTENTS: Readonly<Record<CloudEventContent['type'], Check<CloudEventContent>>> = {
  'call.ringing': () => ({ type: 'call.ringing' }),
  'call.started': () => ({ type: 'call.started' }),
  'call.ended': ({ disconnectionReason, sipCode = null, detail = null }, fail) => {
    const reason = REPORTABLE.find((each) => each === disconnectionReason);
    if (!reason) return fail(`data.disconnectionReason must be one of ${REPORTABLE.join(', ')}`);
    if (sipCode !== null && !(Number.isInteger(sipCode) && Number(sipCode) >= 100 && Number(sipCode) < 700))
      return fail('data.sipCode must be a SIP status');
    if (detail !== null && !isText(detail, 1_000)) return fail('data.detail must be text of 1 to 1000 characters');
    return { type: 'call.ended', reason, sipCode: sipCode as number | null, detail };
  },
  'call.turn': ({ speaker, text, startMs, endMs }, fail) => {
    if (speaker !== 'agent' && speaker !== 'customer') return fail('data.speaker must be agent or customer');
    if (!isText(text, MAX_TEXT)) return fail(`data.text must be text of 1 to ${MAX_TEXT} characters`);
    if (!isMs(startMs)) return fail('data.startMs must be milliseconds since the answer');
    if (!isMs(endMs) || endMs < startMs) return fail('data.endMs must be milliseconds, not before startMs');
    return { type: 'call.turn', speaker, text, startMs, endMs };
  },
  'call.recorded': ({ url }, fail) =>
    isText(url, 2_000) && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
      ? { type: 'call.recorded', url }
      : fail('data.url must be an http or https address'),
};

/** @returns the event, or its problem in words for the sender */
export function parseCloudEvent(value: unknown, now: Date): CallCloudEvent | { problem: string } {
  try {
    return read(value, now);
  } catch (error) {
    if (error instanceof InvalidEvent) return { problem: error.message };
    throw error;
  }
}

class InvalidEvent extends Error {
  override readonly name = 'InvalidEvent';
}
const fail = (problem: string): never => {
  throw new InvalidEvent(problem);
};

function read(value: unknown, now: Date): CallCloudEvent {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail('must be a JSON object');
  const { specversion, id, source, type, subject, time, data = {} } = value as Fields;
  if (specversion !== '1.0') return fail('specversion must be "1.0"');
  if (!isText(id, 255)) return fail('id must be text of 1 to 255 characters');
  if (!isText(source, 255)) return fail('source must be text of 1 to 255 characters');
  if (!isText(subject, 255)) return fail('subject must be the id of the call');
  const at = time === undefined ? now : typeof time === 'string' ? parseTimestamp(time) : undefined;
  if (!at) return fail('time must be an ISO 8601 time');
  // A time outside this range comes from a broken clock; durations would be wrong or too large for their column.
  if (at.getTime() > now.getTime() + CLOCK_SKEW_MS || at.getTime() < now.getTime() - OLDEST_MS)
    return fail('time must not be in the future, nor more than a year ago');
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return fail('data must be a JSON object');
  const check =
    typeof type === 'string' && Object.hasOwn(CONTENTS, type) ? CONTENTS[type as keyof typeof CONTENTS] : undefined;
  if (!check) return fail(`type must be one of ${Object.keys(CONTENTS).join(', ')}`);
  return { id, source, subject: subject.toLowerCase(), at: at.toISOString(), content: check(data as Fields, fail) };
}
