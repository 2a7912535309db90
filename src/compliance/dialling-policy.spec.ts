import fc from 'fast-check';
import { callingHoursProblems, isWithin, localTime } from './calling-hours.js';
import {
  decideDialling,
  DEFAULT_POLICY,
  type DiallingInput,
  type DiallingPolicy,
  refuseUnreadable,
} from './dialling-policy.js';

const WEEKDAYS = [1, 2, 3, 4, 5];
const OFFICE = { start: '09:00', end: '18:00', days: WEEKDAYS };
const NIGHT = { start: '22:00', end: '06:00', days: [1] };
/** A Monday, noon in Rome. */
const NOON = new Date('2026-07-06T10:00:00Z');

const input = (policy: Partial<DiallingPolicy> = {}, rest: Partial<DiallingInput> = {}): DiallingInput => ({
  policy: { ...DEFAULT_POLICY, ...policy },
  to: '+390612345678',
  now: NOON,
  isSuppressed: false,
  callsToNumberToday: 0,
  spentToday: 0,
  timeZones: ['Europe/Rome'],
  numberType: 'ordinary',
  ...rest,
});
const ruleOf = (...given: Parameters<typeof input>) => decideDialling(input(...given)).rule;

describe('decideDialling', () => {
  it('allows by default, and lists every rule', () => {
    const { allowed, rule, detail, checks } = decideDialling(input());
    expect({ allowed, rule, detail }).toEqual({
      allowed: true,
      rule: null,
      detail: 'The dialling policy allows the call',
    });
    expect(checks.map((check) => [check.rule, check.result])).toEqual([
      ['suppression', 'passed'],
      ['refused_prefixes', 'not_set'],
      ['allowed_prefixes', 'not_set'],
      ['premium', 'passed'],
      ['satellite', 'passed'],
      ['calls_per_number', 'not_set'],
      ['spend_per_day', 'not_set'],
      ['time_zone', 'not_set'],
      ['calling_hours', 'not_set'],
    ]);
  });

  it('allows an unknown number by default, and with calling hours only when the policy does', () => {
    const unknown = { to: '+1234567890', timeZones: [], numberType: 'unknown' } as const;
    expect(ruleOf({}, unknown)).toBeNull();
    expect(ruleOf({ callingHours: OFFICE }, unknown)).toBe('time_zone');
    expect(ruleOf({ callingHours: OFFICE, allowUnknownTimeZone: true }, unknown)).toBeNull();
  });

  const suppressed = { isSuppressed: true };
  const premium = { numberType: 'premium' } as const;
  const satellite = { numberType: 'satellite' } as const;
  it.each<[string, Partial<DiallingPolicy>, Partial<DiallingInput>, string | null]>([
    ['a suppressed number', {}, suppressed, 'suppression'],
    ['a refused prefix', { refusedPrefixes: ['+44', '+3906'] }, {}, 'refused_prefixes'],
    ['another prefix than the refused', { refusedPrefixes: ['+44', '+3907'] }, {}, null],
    ['an allowed prefix', { allowedPrefixes: ['+44', '+39'] }, {}, null],
    ['no allowed prefix', { allowedPrefixes: ['+44', '+1'] }, {}, 'allowed_prefixes'],
    ['refused inside of allowed', { allowedPrefixes: ['+39'], refusedPrefixes: ['+3906'] }, {}, 'refused_prefixes'],
    ['a longer refused prefix than the number', { refusedPrefixes: ['+3906123456789'] }, {}, null],
    ['premium', {}, premium, 'premium'],
    ['premium with its prefix allowed', { allowedPrefixes: ['+39'] }, premium, 'premium'],
    ['premium that is allowed', { allowPremium: true }, premium, null],
    ['premium with satellites allowed', { allowSatellite: true }, premium, 'premium'],
    ['satellite', {}, satellite, 'satellite'],
    ['satellite that is allowed', { allowSatellite: true }, satellite, null],
    ['one call below the limit', { maxCallsPerNumberPerDay: 3 }, { callsToNumberToday: 2 }, null],
    ['the calls of a day used up', { maxCallsPerNumberPerDay: 3 }, { callsToNumberToday: 3 }, 'calls_per_number'],
    ['a count that is no number', { maxCallsPerNumberPerDay: 3 }, { callsToNumberToday: NaN }, 'calls_per_number'],
    ['below the spend', { maxSpendPerDay: 10 }, { spentToday: 9.99 }, null],
    ['the spend of a day used up', { maxSpendPerDay: 10 }, { spentToday: 10 }, 'spend_per_day'],
    ['a spend limit with an unknown spend', { maxSpendPerDay: 10 }, { spentToday: null }, 'spend_per_day'],
    ['an unknown spend without a limit', {}, { spentToday: null }, null],
    ['no spend at all', { maxSpendPerDay: 0 }, {}, 'spend_per_day'],
  ])('%s', (_case, policy, rest, rule) => {
    expect(ruleOf(policy, rest)).toBe(rule);
  });

  it.each<[string, string[], string, string | null]>([
    ['at noon', ['Europe/Rome'], '2026-07-06T10:00:00Z', null],
    ['at the first minute', ['Europe/Rome'], '2026-07-06T07:00:00Z', null],
    ['a second before it', ['Europe/Rome'], '2026-07-06T06:59:59Z', 'calling_hours'],
    ['at the last minute', ['Europe/Rome'], '2026-07-06T15:59:59Z', null],
    ['at the end', ['Europe/Rome'], '2026-07-06T16:00:00Z', 'calling_hours'],
    ['on a Sunday', ['Europe/Rome'], '2026-07-05T10:00:00Z', 'calling_hours'],
    ['in winter, an hour later in UTC', ['Europe/Rome'], '2026-01-05T08:00:00Z', null],
    ['in winter, before it', ['Europe/Rome'], '2026-01-05T07:59:00Z', 'calling_hours'],
    ['the Friday before the clocks change', ['Europe/Rome'], '2026-03-27T08:00:00Z', null],
    ['the Monday after', ['Europe/Rome'], '2026-03-30T07:00:00Z', null],
    ['a Monday that is still Sunday over there', ['America/Los_Angeles'], '2026-07-06T02:00:00Z', 'calling_hours'],
    ['one of two zones outside', ['America/New_York', 'America/Los_Angeles'], '2026-07-06T14:00:00Z', 'calling_hours'],
    ['both zones inside', ['America/New_York', 'America/Los_Angeles'], '2026-07-06T17:00:00Z', null],
    ['a half-hour zone', ['Asia/Kolkata'], '2026-07-06T03:30:00Z', null],
    ['a half-hour zone, before', ['Asia/Kolkata'], '2026-07-06T03:29:00Z', 'calling_hours'],
    ['an unknown zone', ['Mars/Olympus'], '2026-07-06T10:00:00Z', 'time_zone'],
    ['one unknown zone of two', ['Europe/Rome', 'Mars/Olympus'], '2026-07-06T10:00:00Z', 'time_zone'],
    ['no zone', [], '2026-07-06T10:00:00Z', 'time_zone'],
  ])('calling hours: %s', (_case, timeZones, now, rule) => {
    expect(ruleOf({ callingHours: OFFICE }, { timeZones, now: new Date(now) })).toBe(rule);
  });

  it('with unknown zones allowed, known zones still count', () => {
    const policy = { callingHours: OFFICE, allowUnknownTimeZone: true };
    const timeZones = ['Mars/Olympus', 'America/Los_Angeles'];
    expect(ruleOf(policy, { timeZones })).toBe('calling_hours');
  });

  it('names the zone outside the hours, and the hours', () => {
    const evening = new Date('2026-07-06T17:05:00Z');
    expect(decideDialling(input({ callingHours: OFFICE }, { now: evening })).detail).toBe(
      'It is Monday 19:05 in Europe/Rome; calling hours are 09:00 to 18:00, Monday, Tuesday, Wednesday, Thursday, Friday',
    );
  });

  it('names the first rule that refuses, and lists the others', () => {
    const { rule, checks } = decideDialling(input({ refusedPrefixes: ['+39'] }, { ...premium, ...suppressed }));
    expect(rule).toBe('suppression');
    const refused = checks.filter(({ result }) => result === 'refused').map((check) => check.rule);
    expect(refused).toEqual(['suppression', 'refused_prefixes', 'premium']);
  });

  it('refuses without a readable policy', () => {
    expect(refuseUnreadable('Broken')).toEqual({
      allowed: false,
      rule: 'policy_unreadable',
      detail: 'Broken',
      checks: [{ rule: 'policy_unreadable', result: 'refused', detail: 'Broken' }],
    });
  });
});

describe('isWithin', () => {
  it.each([
    [1, '22:00', true],
    [1, '23:59', true],
    [2, '00:00', true],
    [2, '05:59', true],
    [2, '06:00', false],
    [1, '21:59', false],
    [1, '03:00', false],
    [2, '22:00', false],
  ])('hours past midnight belong to the day they start on: day %s %s', (day, time, within) => {
    const minute = Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
    expect(isWithin(NIGHT, { day, minute })).toBe(within);
  });

  it('Saturday night continues into Sunday', () => {
    expect(isWithin({ ...NIGHT, days: [6] }, { day: 0, minute: 60 })).toBe(true);
  });

  it('00:00 to 24:00 is the whole day', () => {
    for (const minute of [0, 720, 1439])
      expect(isWithin({ ...OFFICE, start: '00:00', end: '24:00' }, { day: 1, minute })).toBe(true);
  });

  it('follows the wall clock: 02:30 does not exist on one night, and occurs twice on another', () => {
    const hours = { start: '02:00', end: '03:00', days: [0] };
    const inside = (now: string) => isWithin(hours, localTime('Europe/Rome', new Date(now))!);
    // The last Sunday of March: 01:59 is followed by 03:00.
    expect(['2026-03-29T00:59:00Z', '2026-03-29T01:00:00Z', '2026-03-29T01:30:00Z'].map(inside)).toEqual([
      false,
      false,
      false,
    ]);
    // The last Sunday of October.
    expect(['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', '2026-10-25T02:00:00Z'].map(inside)).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('callingHoursProblems', () => {
  it.each<[unknown, string[]]>([
    [OFFICE, []],
    [NIGHT, []],
    [{ ...OFFICE, end: '24:00' }, []],
    [null, ['callingHours']],
    ['09:00-18:00', ['callingHours']],
    [{}, ['callingHours.start', 'callingHours.end', 'callingHours.days']],
    [{ ...OFFICE, start: '9:00' }, ['callingHours.start']],
    [{ ...OFFICE, start: '24:00' }, ['callingHours.start']],
    [{ ...OFFICE, start: '09:60' }, ['callingHours.start']],
    [{ ...OFFICE, end: '00:00' }, ['callingHours.end']],
    [{ ...OFFICE, end: '24:01' }, ['callingHours.end']],
    [{ ...OFFICE, end: '09:00' }, ['callingHours.end']],
    [{ ...OFFICE, end: 18 }, ['callingHours.end']],
    ...[[], [7], [-1], [1, 1], ['1'], 1, [1.5], null].map((days): [unknown, string[]] => [
      { ...OFFICE, days },
      ['callingHours.days'],
    ]),
  ])('%j', (value, fields) => {
    expect(Object.keys(callingHoursProblems(value))).toEqual(fields);
  });
});

describe('any policy', () => {
  const prefixes = fc.array(fc.constantFrom('+39', '+3906', '+1', '+44', '+881'), { maxLength: 4 });
  const time = (max: number) =>
    fc
      .tuple(fc.integer({ min: 0, max }), fc.integer({ min: 0, max: 59 }))
      .map(([h, m]) => `${String(h).padStart(2, '0')}:${String(m).padStart(2, '0')}`);
  const hours = fc.record({ start: time(23), end: time(23), days: fc.uniqueArray(fc.integer({ min: 0, max: 6 })) });
  const policy: fc.Arbitrary<DiallingPolicy> = fc.record({
    allowedPrefixes: prefixes,
    refusedPrefixes: prefixes,
    allowPremium: fc.boolean(),
    allowSatellite: fc.boolean(),
    maxSpendPerDay: fc.option(fc.double({ min: 0, max: 100, noNaN: true })),
    maxCallsPerNumberPerDay: fc.option(fc.nat(5)),
    callingHours: fc.option(hours),
    allowUnknownTimeZone: fc.boolean(),
  });
  const anyInput: fc.Arbitrary<DiallingInput> = fc.record({
    policy,
    to: fc.constantFrom('+390612345678', '+12125550123', '+8816123456789', '+1234567890'),
    now: fc.date({ min: new Date('2020-01-01'), max: new Date('2035-01-01'), noInvalidDate: true }),
    isSuppressed: fc.boolean(),
    callsToNumberToday: fc.nat(6),
    spentToday: fc.option(fc.double({ min: 0, max: 200, noNaN: true })),
    timeZones: fc.uniqueArray(fc.constantFrom('Europe/Rome', 'America/New_York', 'Asia/Kolkata', 'Mars/Olympus')),
    numberType: fc.constantFrom('ordinary', 'premium', 'satellite', 'unknown'),
  });
  const holds = (property: (given: DiallingInput) => boolean) => {
    fc.assert(fc.property(anyInput, property), { numRuns: 2_000 });
  };
  const isAllowed = (given: DiallingInput) => decideDialling(given).allowed;

  it('never allows a suppressed number', () => {
    holds((given) => !isAllowed({ ...given, isSuppressed: true }));
  });

  it('never allows premium and satellite numbers unless the policy does', () => {
    holds((given) => !isAllowed({ ...given, numberType: 'premium', policy: { ...given.policy, allowPremium: false } }));
    holds(
      (given) => !isAllowed({ ...given, numberType: 'satellite', policy: { ...given.policy, allowSatellite: false } }),
    );
  });

  it('never allows a refused prefix, or a prefix that is not allowed', () => {
    holds((given) => !isAllowed({ ...given, policy: { ...given.policy, refusedPrefixes: [given.to.slice(0, 3)] } }));
    holds((given) => !isAllowed({ ...given, policy: { ...given.policy, allowedPrefixes: ['+7'] } }));
  });

  it('never exceeds its limits', () => {
    holds((given) => {
      const { maxSpendPerDay, maxCallsPerNumberPerDay } = given.policy;
      const isOver =
        (maxSpendPerDay !== null && (given.spentToday === null || given.spentToday >= maxSpendPerDay)) ||
        (maxCallsPerNumberPerDay !== null && given.callsToNumberToday >= maxCallsPerNumberPerDay);
      return !isOver || !isAllowed(given);
    });
  });

  it('never allows an unknown zone with calling hours unless the policy does', () => {
    const policyOf = (given: DiallingInput) => ({ ...given.policy, callingHours: OFFICE, allowUnknownTimeZone: false });
    holds((given) => !isAllowed({ ...given, timeZones: [], policy: policyOf(given) }));
  });

  it('allows exactly when no check refuses, and names the first that does', () => {
    holds((given) => {
      const { allowed, rule, checks } = decideDialling(given);
      const first = checks.find(({ result }) => result === 'refused')?.rule ?? null;
      return allowed === (first === null) && rule === first && checks.length === 9;
    });
  });

  it('another zone never allows a refused number', () => {
    holds((given) => {
      const more = { ...given, timeZones: [...given.timeZones, 'Pacific/Auckland'] };
      return given.timeZones.length === 0 || isAllowed(given) || !isAllowed(more);
    });
  });
});
