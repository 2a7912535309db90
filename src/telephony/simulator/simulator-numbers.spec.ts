import { type DueSignal, dueSignals, withEnd, withHangup, withSignal } from './due-signals.js';
import { type TimedSignal } from './timed-signals.js';
import { countsDials, farEndFor, timedSignalsFor, SIMULATOR_NUMBERS } from './simulator-numbers.js';

const ANSWERED = '+15550000001';
const NO_ANSWER = '+15550000003';
const CAPACITY = '+15550000008';
const VERY_LONG = '+15550000011';
const DUPLICATED = '+15550000021';
const REORDERED = '+15550000022';
const LATE = '+15550000023';
const ONLY_END = '+15550000024';
const SILENT = '+15550000025';

const LIMITS = { ringTimeoutMs: 30_000, maxDurationMs: 3_600_000 };
const signalsOf = (to: string, limits: Partial<typeof LIMITS> = {}, dialsBefore = 0): TimedSignal[] =>
  timedSignalsFor({ to, ...LIMITS, ...limits }, dialsBefore);
const initialsOf = (signals: { signal: { type: string } }[]): string =>
  signals.map(({ signal }) => signal.type.slice(0, 1)).join('');
const endOf = (signals: TimedSignal[]) => signals.map(({ signal }) => signal).find(({ type }) => type === 'ended');
const inOrderOfEvents = (signals: TimedSignal[]): TimedSignal[] =>
  signals.map((one) => ({ ...one, deliveredMs: one.atMs })).sort((a, b) => a.atMs - b.atMs);
const CONVERSATION = 'ratttttttte';

describe('the numbers of the simulator', () => {
  // r ringing, e early or ended, a answered, t turn, d key.
  it.each([
    [ANSWERED, CONVERSATION, 'agent_hangup', null, 'agent'],
    ['+15550000002', 'e', 'dial_busy', 486, 'customer'],
    [NO_ANSWER, 're', 'dial_no_answer', 408, 'system'],
    ['+15550000004', 're', 'user_declined', 603, 'customer'],
    ['+15550000005', 'e', 'invalid_destination', 404, 'carrier'],
    ['+15550000006', 'rate', 'voicemail_reached', null, 'system'],
    ['+15550000007', 'e', 'telephony_provider_unavailable', 503, 'carrier'],
    [CAPACITY, 'e', 'capacity', 503, 'carrier'],
    ['+15550000009', 'rae', 'error_media_lost', null, 'carrier'],
    ['+15550000010', 'rae', 'user_hangup', null, 'customer'],
    [VERY_LONG, CONVERSATION, 'max_duration_reached', null, 'system'],
    ['+15550000012', 'ree', 'dial_no_answer', 480, 'carrier'],
    ['+15550000013', 'e', 'carrier_blocked', 603, 'carrier'],
    ['+15550000014', 'e', 'telephony_provider_permission_denied', 403, 'carrier'],
    ['+15550000015', 'ratttte', 'agent_hangup', null, 'agent'],
    ['+15550000016', 'rattte', 'agent_hangup', null, 'agent'],
    ['+15550000017', 'rattte', 'agent_hangup', null, 'agent'],
    ['+15550000018', 'ratddde', 'agent_hangup', null, 'agent'],
    [DUPLICATED, 'rraatttttttttttttttte', 'agent_hangup', null, 'agent'],
    [REORDERED, 'artttttttte', 'agent_hangup', null, 'agent'],
    [LATE, CONVERSATION, 'agent_hangup', null, 'agent'],
    [ONLY_END, 'e', 'agent_hangup', null, 'agent'],
  ])('%s delivers %s and ends with %s', (number, initials, reason, sipCode, by) => {
    const signals = signalsOf(number);
    expect(initialsOf(signals)).toBe(initials);
    expect(endOf(signals)).toMatchObject({ reason, sipCode, by });
    expect(signals.at(-1)?.signal.type).toBe('ended');
  });

  it('are listed once each, with a description', () => {
    const numbers = SIMULATOR_NUMBERS.map(({ number }) => number);
    expect(numbers).toEqual([...new Set(numbers)].sort());
    for (const one of SIMULATOR_NUMBERS) {
      expect(one).toEqual({
        number: expect.stringMatching(/^\+1555\d{7}$/),
        title: expect.any(String),
        description: expect.any(String),
      });
    }
  });

  it('include every other number as an answered conversation', () => {
    expect(signalsOf('+1234567890')).toEqual(signalsOf(ANSWERED));
    expect(signalsOf('+4930901820')).toEqual(signalsOf(ANSWERED));
  });

  it.each(SIMULATOR_NUMBERS.map(({ number }) => number))('%s delivers no signal before it happens', (number) => {
    const signals = signalsOf(number);
    expect(signals.filter(({ atMs, deliveredMs }) => deliveredMs < atMs)).toEqual([]);
    expect(signals.map(({ deliveredMs }) => deliveredMs)).toEqual(
      signals.map(({ deliveredMs }) => deliveredMs).sort((a, b) => a - b),
    );
  });

  it('refuse each call twice for capacity, then answer', () => {
    expect(countsDials(CAPACITY)).toBe(true);
    expect(countsDials(ANSWERED)).toBe(false);
    expect([0, 1, 2, 3].map((dialsBefore) => initialsOf(signalsOf(CAPACITY, {}, dialsBefore)))).toEqual([
      'e',
      'e',
      CONVERSATION,
      CONVERSATION,
    ]);
  });
});

describe('a scripted conversation', () => {
  const turns = signalsOf(ANSWERED).flatMap(({ signal }) => (signal.type === 'turn' ? [signal] : []));

  it('alternates, the agent first', () => {
    expect(turns.map(({ speaker }) => speaker)).toEqual(turns.map((_, index) => (index % 2 ? 'customer' : 'agent')));
  });

  it('has turns that do not overlap, each delivered at its end', () => {
    turns.forEach(({ startMs, endMs }, index) => {
      expect(startMs).toBeGreaterThan(turns[index - 1]?.endMs ?? 0);
      expect(endMs).toBeGreaterThan(startMs);
    });
    const answered = signalsOf(ANSWERED).find(({ signal }) => signal.type === 'answered')!;
    const delivered = signalsOf(ANSWERED).filter(({ signal }) => signal.type === 'turn');
    expect(delivered.map(({ deliveredMs }) => deliveredMs - answered.atMs)).toEqual(turns.map(({ endMs }) => endMs));
  });
});

describe('with audio', () => {
  const withAudio = (to: string, limits: Partial<typeof LIMITS> = {}) =>
    timedSignalsFor({ to, ...LIMITS, ...limits }, 2, true);

  it.each([
    ...[ANSWERED, '+15550000006', CAPACITY, VERY_LONG, '+15550000015', '+15550000016', '+15550000017', '+15550000018'],
    '+4930901820',
  ])('%s has a far end, and its turns are not scripted', (to) => {
    expect(farEndFor(to, 2)).toBeDefined();
    expect(initialsOf(withAudio(to, { maxDurationMs: Infinity }))).toBe('ra');
    expect(endOf(withAudio(to))).toMatchObject({ reason: 'max_duration_reached' });
    expect(endOf(withAudio(to, { ringTimeoutMs: 1_000 }))).toMatchObject({ reason: 'dial_no_answer' });
  });

  it.each(['+15550000009', '+15550000010'])('%s keeps its scripted end', (to) => {
    expect(farEndFor(to, 0)).toBe('silent');
    expect(withAudio(to)).toEqual(signalsOf(to));
  });

  it.each(['+15550000002', NO_ANSWER, '+15550000012', DUPLICATED, REORDERED, LATE, ONLY_END, SILENT])(
    '%s has no far end',
    (to) => {
      expect(farEndFor(to, 0)).toBeUndefined();
    },
  );

  it('the number of a full carrier has a far end once its call is accepted', () => {
    expect([0, 1, 2].map((dialsBefore) => farEndFor(CAPACITY, dialsBefore))).toEqual([undefined, undefined, 'person']);
  });
});

describe('limits', () => {
  it('end the ringing of an unanswered call', () => {
    const signals = signalsOf(ANSWERED, { ringTimeoutMs: 2_000 });
    expect(initialsOf(signals)).toBe('re');
    expect(signals.at(-1)).toMatchObject({ atMs: 2_000, signal: { reason: 'dial_no_answer', sipCode: 408 } });
    expect(signalsOf(NO_ANSWER, { ringTimeoutMs: 45_000 }).at(-1)).toMatchObject({ atMs: 45_000 });
    expect(initialsOf(signalsOf(NO_ANSWER, { ringTimeoutMs: 1 }))).toBe('e');
  });

  it('end a conversation, counted from the answer', () => {
    const signals = signalsOf(ANSWERED, { maxDurationMs: 12_000 });
    expect(initialsOf(signals)).toMatch(/^rat+e$/);
    expect(initialsOf(signals).length).toBeLessThan(CONVERSATION.length);
    const answered = signals.find(({ signal }) => signal.type === 'answered')!;
    expect(signals.at(-1)).toMatchObject({
      atMs: answered.atMs + 12_000,
      signal: { reason: 'max_duration_reached', by: 'system' },
    });
  });

  it('do not change a call that ends earlier', () => {
    expect(signalsOf('+15550000002', { ringTimeoutMs: 700 })).toEqual(signalsOf('+15550000002'));
  });

  it('hold with bad callbacks too', () => {
    expect(endOf(signalsOf(ONLY_END, { maxDurationMs: 1_000 }))).toMatchObject({ reason: 'max_duration_reached' });
    expect(endOf(signalsOf(DUPLICATED, { ringTimeoutMs: 1_000 }))).toMatchObject({ reason: 'dial_no_answer' });
  });
});

describe('bad callbacks', () => {
  const complete = signalsOf(ANSWERED);

  it('duplicated: every signal but the end arrives twice, with the same time', () => {
    const delivered = signalsOf(DUPLICATED);
    for (const { atMs, signal } of complete)
      expect(delivered.filter((one) => one.atMs === atMs && one.signal.type === signal.type)).toHaveLength(
        signal.type === 'ended' ? 1 : 2,
      );
  });

  it('reordered: the same signals arrive in another order', () => {
    expect(inOrderOfEvents(signalsOf(REORDERED))).toEqual(complete);
    expect(signalsOf(REORDERED).map(({ atMs }) => atMs)).not.toEqual(complete.map(({ atMs }) => atMs));
  });

  it('late: the same signals arrive after they happen', () => {
    expect(inOrderOfEvents(signalsOf(LATE))).toEqual(complete);
    expect(signalsOf(LATE).filter(({ atMs, deliveredMs }) => deliveredMs <= atMs)).toEqual([]);
  });

  it('missing: only the end arrives, or all but the end', () => {
    const answeredMs = complete.find(({ signal }) => signal.type === 'answered')?.atMs;
    expect(signalsOf(ONLY_END)).toEqual([{ ...complete.at(-1), answeredMs }]);
    expect(signalsOf(ONLY_END, { ringTimeoutMs: 1_000 })[0]).not.toHaveProperty('answeredMs');
    expect(dueSignals(signalsOf(ONLY_END), 0, 1)[0]?.signal).toMatchObject({ answeredAt: new Date(answeredMs ?? NaN) });
    expect(signalsOf(SILENT)).toEqual(complete.slice(0, -1));
  });
});

describe('due signals', () => {
  const dialledAt = Date.UTC(2030, 0, 1);
  const at = ({ signal }: DueSignal): number => signal.at.getTime() - dialledAt;

  it('are on the wall clock, at the given speed', () => {
    const plain = signalsOf(ANSWERED);
    expect(dueSignals(plain, dialledAt, 1).map(at)).toEqual(plain.map(({ atMs }) => atMs));
    expect(dueSignals(plain, dialledAt, 10).map(at)).toEqual(plain.map(({ atMs }) => Math.round(atMs / 10)));
    expect(dueSignals(plain, dialledAt, Infinity).map(at)).toEqual(plain.map(() => 0));
  });

  it.each([1, 7, 200, 100_000, Infinity])('at speed %d have turns between answer and end', (speed) => {
    const due = dueSignals(signalsOf(ANSWERED), dialledAt, speed);
    const [answered, ended] = [at(due[1]!), at(due.at(-1)!)];
    for (const { signal } of due) {
      if (signal.type !== 'turn') continue;
      expect(signal.startMs).toBeGreaterThanOrEqual(0);
      expect(signal.endMs).toBeGreaterThanOrEqual(signal.startMs);
      expect(answered + signal.endMs).toBeLessThanOrEqual(ended);
    }
  });

  it('are cut by a hang-up: the earlier signals, then the end by the agent', () => {
    const due = dueSignals(signalsOf(ANSWERED), dialledAt, 1);
    const cut = withHangup(due, dialledAt + 2_400);
    expect(initialsOf(cut)).toBe('rae');
    expect(cut.at(-1)).toEqual({
      dueAt: dialledAt + 2_400,
      signal: {
        type: 'ended',
        at: new Date(dialledAt + 2_400),
        reason: 'agent_hangup',
        by: 'agent',
        sipCode: null,
        detail: null,
      },
    });
    expect(initialsOf(withHangup(due, dialledAt))).toBe('e');
  });

  it('are not changed by a hang-up after the end, delivered or not', () => {
    const due = dueSignals(signalsOf(LATE), dialledAt, 1);
    const end = due.at(-1)!;
    expect(withHangup(due, end.signal.at.getTime())).toEqual(due);
    expect(end.dueAt).toBeGreaterThan(end.signal.at.getTime());
  });

  it('with late callbacks are due at the hang-up at the latest', () => {
    const cut = withHangup(dueSignals(signalsOf(LATE), dialledAt, 1), dialledAt + 3_000);
    expect(initialsOf(cut)).toBe('rae');
    expect(cut.map(({ dueAt }) => dueAt - dialledAt)).toEqual([3_000, 3_000, 3_000]);
  });

  it('without an end get one from the hang-up', () => {
    const due = dueSignals(signalsOf(SILENT), dialledAt, 1);
    expect(initialsOf(withHangup(due, dialledAt + 3_600_000))).toBe(CONVERSATION);
  });

  it('take in an unscripted signal in its order, and none after the end', () => {
    const due = dueSignals(signalsOf(ANSWERED, { maxDurationMs: 1_000 }), dialledAt, 1);
    const key = (ms: number) => ({ type: 'dtmf', digit: '1', at: new Date(dialledAt + ms) }) as const;
    expect(initialsOf(withSignal(due, key(2_400)))).toBe('rade');
    expect(initialsOf(withSignal(withSignal(due, key(3_000)), key(3_000)))).toBe('radde');
    expect(initialsOf(withSignal(due, key(60_000)))).toBe('rade');
  });

  it('keep the first end', () => {
    const due = dueSignals(signalsOf(ANSWERED), dialledAt, 1);
    const end = (ms: number, detail: string) =>
      ({
        type: 'ended',
        at: new Date(dialledAt + ms),
        reason: 'user_hangup',
        by: 'customer',
        sipCode: null,
        detail,
      }) as const;
    const cut = withEnd(due, end(2_500, 'first'));
    expect(initialsOf(cut)).toBe('rae');
    expect(withEnd(cut, end(2_600, 'second'))).toEqual(cut);
  });
});
