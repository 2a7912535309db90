/** Hours of calls, in the local time of the called number. */
export interface CallingHours {
  /** `HH:MM`; an end before the start is on the next day. */
  start: string;
  /** `HH:MM`, not included; `24:00` is the end of the day. */
  end: string;
  /** The days on which the hours start; 0 is Sunday. */
  days: readonly number[];
}

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;
const TIME = /^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/;

interface LocalTime {
  /** 0 is Sunday. */
  day: number;
  /** Minutes since midnight by the wall clock. */
  minute: number;
}

const isTime = (text: unknown): boolean => typeof text === 'string' && TIME.test(text);
const isDay = (day: unknown): boolean => Number.isSafeInteger(day) && (day as number) >= 0 && (day as number) <= 6;

/** The problem of each field, as the end of a sentence; undefined for a valid value. */
export const HOURS_RULES = {
  start: (start: unknown): string | undefined =>
    isTime(start) && start !== '24:00' ? undefined : 'must be a time from 00:00 to 23:59',
  end: (end: unknown, { start }: { start?: unknown }): string | undefined => {
    if (!isTime(end) || end === '00:00') return 'must be a time from 00:01 to 24:00';
    return start === end ? 'must differ from start; from 00:00 to 24:00 is the whole day' : undefined;
  },
  days: (days: unknown): string | undefined =>
    Array.isArray(days) && days.length > 0 && days.every(isDay) && new Set(days).size === days.length
      ? undefined
      : 'must be a list of different days from 0 (Sunday) to 6',
};

/** The problems of a stored value as calling hours, by field; empty for a valid value. */
export function callingHoursProblems(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return { callingHours: 'must be an object' };
  const hours = value as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(HOURS_RULES).flatMap(([field, problem]) => {
      const found = problem(hours[field], hours);
      return found === undefined ? [] : [[`callingHours.${field}`, found]];
    }),
  );
}

/** Whether a local time is inside the hours. Hours past midnight belong to the day on which they start. */
export function isWithin({ start, end, days }: CallingHours, { day, minute }: LocalTime): boolean {
  const [from, to] = [minutesOf(start), minutesOf(end)];
  if (from < to) return days.includes(day) && minute >= from && minute < to;
  return (days.includes(day) && minute >= from) || (days.includes((day + 6) % 7) && minute < to);
}

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

const clocks = new Map<string, Intl.DateTimeFormat>();

/** The local time in an IANA time zone; undefined for an unknown zone. */
export function localTime(timeZone: string, now: Date): LocalTime | undefined {
  try {
    let clock = clocks.get(timeZone);
    if (!clock) {
      clock = new Intl.DateTimeFormat('en-US', {
        timeZone,
        weekday: 'long',
        hour: '2-digit',
        minute: '2-digit',
        hourCycle: 'h23',
      });
      clocks.set(timeZone, clock);
    }
    const parts = new Map(clock.formatToParts(now).map(({ type, value }) => [type, value]));
    const day = DAYS.findIndex((name) => name === parts.get('weekday'));
    return { day, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) };
  } catch {
    return undefined;
  }
}

/** `Monday 09:05`. */
export function showLocalTime({ day, minute }: LocalTime): string {
  const two = (number: number) => String(number).padStart(2, '0');
  return `${DAYS[day] ?? ''} ${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

/** `09:00 to 18:00, Monday, Tuesday`. */
export const showCallingHours = ({ start, end, days }: CallingHours): string =>
  `${start} to ${end}, ${days.map((day) => DAYS[day] ?? '').join(', ')}`;
