import { type DueSignal, timeline, withEnd, withHangup, withSignal } from './due-signals.js';
import { type TimedSignal } from './timed-signals.js';
import { countsDials, farEndFor, scriptFor, SIMULATOR_NUMBERS } from './simulator-numbers.js';

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
const script = (to: string, limits: Partial<typeof LIMITS> = {}, dialsBefore = 0): TimedSignal[] =>
  scriptFor({ to, ...LIMITS, ...limits }, dialsBefore);
const types = (signals: { signal: { type: string } }[]): string =>
  signals.map(({ signal }) => signal.type.slice(0, 1)).join('');
const endOf = (signals: TimedSignal[]) => signals.map(({ signal }) => signal).find(({ type }) => type === 'ended');
const happened = (signals: TimedSignal[]): TimedSignal[] =>
  signals.map((one) => ({ ...one, toldMs: one.atMs })).sort((a, b) => a.atMs - b.atMs);
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
  ])('%s tells %s and ends with %s', (number, told, reason, sipCode, by) => {
    const signals = script(number);
    expect(types(signals)).toBe(told);
    expect(endOf(signals)).toMatchObject({ reason, sipCode, by });
    expect(signals.at(-1)?.signal.type).toBe('ended');
  });

  it('are listed once each, with what they do', () => {
    const numbers = SIMULATOR_NUMBERS.map(({ number }) => number);
    expect(numbers).toEqual([...new Set(numbers)].sort());
    for (const one of SIMULATOR_NUMBERS) {
      expect(one).toEqual({
        number: expect.stringMatching(/^\+1555\d{7}$/),
        title: expect.any(String),
        does: expect.any(String),
      });
    }
  });

  it('leave every other number to the answered conversation', () => {
    expect(script('+1234567890')).toEqual(script(ANSWERED));
    expect(script('+4930901820')).toEqual(script(ANSWERED));
  });

  it.each(SIMULATOR_NUMBERS.map(({ number }) => number))('%s tells nothing before it happened', (number) => {
    const signals = script(number);
    expect(signals.filter(({ atMs, toldMs }) => toldMs < atMs)).toEqual([]);
    expect(signals.map(({ toldMs }) => toldMs)).toEqual(signals.map(({ toldMs }) => toldMs).sort((a, b) => a - b));
  });

  it('refuse for capacity twice a call, then answer', () => {
    expect(countsDials(CAPACITY)).toBe(true);
    expect(countsDials(ANSWERED)).toBe(false);
    expect([0, 1, 2, 3].map((dialsBefore) => types(script(CAPACITY, {}, dialsBefore)))).toEqual([
      'e',
      'e',
      CONVERSATION,
      CONVERSATION,
    ]);
  });
});

describe('a conversation', () => {
  const turns = script(ANSWERED).flatMap(({ signal }) => (signal.type === 'turn' ? [signal] : []));

  it('alternates, the agent first', () => {
    expect(turns.map(({ speaker }) => speaker)).toEqual(turns.map((_, index) => (index % 2 ? 'customer' : 'agent')));
  });

  it('has turns that do not overlap, told when they are over', () => {
    turns.forEach(({ startMs, endMs }, index) => {
      expect(startMs).toBeGreaterThan(turns[index - 1]?.endMs ?? 0);
      expect(endMs).toBeGreaterThan(startMs);
    });
    const answered = script(ANSWERED).find(({ signal }) => signal.type === 'answered')!;
    const told = script(ANSWERED).filter(({ signal }) => signal.type === 'turn');
    expect(told.map(({ toldMs }) => toldMs - answered.atMs)).toEqual(turns.map(({ endMs }) => endMs));
  });
});

describe('where there is audio', () => {
  const withAudio = (to: string, limits: Partial<typeof LIMITS> = {}) =>
    scriptFor({ to, ...LIMITS, ...limits }, 2, true);

  it.each([
    ...[ANSWERED, '+15550000006', CAPACITY, VERY_LONG, '+15550000015', '+15550000016', '+15550000017', '+15550000018'],
    '+4930901820',
  ])('%s is answered by somebody, and what is said then is not in the script', (to) => {
    expect(farEndFor(to, 2)).toBeDefined();
    expect(types(withAudio(to, { maxDurationMs: Infinity }))).toBe('ra');
    expect(endOf(withAudio(to))).toMatchObject({ reason: 'max_duration_reached' });
    expect(endOf(withAudio(to, { ringTimeoutMs: 1_000 }))).toMatchObject({ reason: 'dial_no_answer' });
  });

  it.each(['+15550000009', '+15550000010'])('%s ends all the same, whatever is said', (to) => {
    expect(farEndFor(to, 0)).toBe('silent');
    expect(withAudio(to)).toEqual(script(to));
  });

  it.each(['+15550000002', NO_ANSWER, '+15550000012', DUPLICATED, REORDERED, LATE, ONLY_END, SILENT])(
    '%s has nobody to talk to',
    (to) => {
      expect(farEndFor(to, 0)).toBeUndefined();
    },
  );

  it('the one whose carrier is full has nobody before it is called', () => {
    expect([0, 1, 2].map((dialsBefore) => farEndFor(CAPACITY, dialsBefore))).toEqual([undefined, undefined, 'person']);
  });
});

describe('limits', () => {
  it('end the ringing of whoever has not answered by then', () => {
    const signals = script(ANSWERED, { ringTimeoutMs: 2_000 });
    expect(types(signals)).toBe('re');
    expect(signals.at(-1)).toMatchObject({ atMs: 2_000, signal: { reason: 'dial_no_answer', sipCode: 408 } });
    expect(script(NO_ANSWER, { ringTimeoutMs: 45_000 }).at(-1)).toMatchObject({ atMs: 45_000 });
    expect(types(script(NO_ANSWER, { ringTimeoutMs: 1 }))).toBe('e');
  });

  it('end whoever talks too long, counted from the answer', () => {
    const signals = script(ANSWERED, { maxDurationMs: 12_000 });
    expect(types(signals)).toMatch(/^rat+e$/);
    expect(types(signals).length).toBeLessThan(CONVERSATION.length);
    const answered = signals.find(({ signal }) => signal.type === 'answered')!;
    expect(signals.at(-1)).toMatchObject({
      atMs: answered.atMs + 12_000,
      signal: { reason: 'max_duration_reached', by: 'system' },
    });
  });

  it('leave alone what ends before', () => {
    expect(script('+15550000002', { ringTimeoutMs: 700 })).toEqual(script('+15550000002'));
  });

  it('hold for bad callbacks too', () => {
    expect(endOf(script(ONLY_END, { maxDurationMs: 1_000 }))).toMatchObject({ reason: 'max_duration_reached' });
    expect(endOf(script(DUPLICATED, { ringTimeoutMs: 1_000 }))).toMatchObject({ reason: 'dial_no_answer' });
  });
});

describe('bad callbacks', () => {
  const truth = script(ANSWERED);

  it('duplicated: everything but the end twice, of one moment', () => {
    const told = script(DUPLICATED);
    for (const { atMs, signal } of truth)
      expect(told.filter((one) => one.atMs === atMs && one.signal.type === signal.type)).toHaveLength(
        signal.type === 'ended' ? 1 : 2,
      );
  });

  it('reordered: the same happened, and it is told in another order', () => {
    expect(happened(script(REORDERED))).toEqual(truth);
    expect(script(REORDERED).map(({ atMs }) => atMs)).not.toEqual(truth.map(({ atMs }) => atMs));
  });

  it('late: the same happened, and all of it is told afterwards', () => {
    expect(happened(script(LATE))).toEqual(truth);
    expect(script(LATE).filter(({ atMs, toldMs }) => toldMs <= atMs)).toEqual([]);
  });

  it('missing: of the same call only the end, or all but the end', () => {
    const answeredMs = truth.find(({ signal }) => signal.type === 'answered')?.atMs;
    expect(script(ONLY_END)).toEqual([{ ...truth.at(-1), answeredMs }]);
    expect(script(ONLY_END, { ringTimeoutMs: 1_000 })[0]).not.toHaveProperty('answeredMs');
    expect(timeline(script(ONLY_END), 0, 1)[0]?.signal).toMatchObject({ answeredAt: new Date(answeredMs ?? NaN) });
    expect(script(SILENT)).toEqual(truth.slice(0, -1));
  });
});

describe('the timeline', () => {
  const dialledAt = Date.UTC(2030, 0, 1);
  const at = ({ signal }: DueSignal): number => signal.at.getTime() - dialledAt;

  it('puts a script on the wall clock, faster where asked', () => {
    const plain = script(ANSWERED);
    expect(timeline(plain, dialledAt, 1).map(at)).toEqual(plain.map(({ atMs }) => atMs));
    expect(timeline(plain, dialledAt, 10).map(at)).toEqual(plain.map(({ atMs }) => Math.round(atMs / 10)));
    expect(timeline(plain, dialledAt, Infinity).map(at)).toEqual(plain.map(() => 0));
  });

  it.each([1, 7, 200, 100_000, Infinity])('at speed %d keeps turns between answer and end', (speed) => {
    const due = timeline(script(ANSWERED), dialledAt, speed);
    const [answered, ended] = [at(due[1]!), at(due.at(-1)!)];
    for (const { signal } of due) {
      if (signal.type !== 'turn') continue;
      expect(signal.startMs).toBeGreaterThanOrEqual(0);
      expect(signal.endMs).toBeGreaterThanOrEqual(signal.startMs);
      expect(answered + signal.endMs).toBeLessThanOrEqual(ended);
    }
  });

  it('is cut by a hang-up: what had happened, then the end by the agent', () => {
    const due = timeline(script(ANSWERED), dialledAt, 1);
    const cut = withHangup(due, dialledAt + 2_400);
    expect(types(cut)).toBe('rae');
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
    expect(types(withHangup(due, dialledAt))).toBe('e');
  });

  it('is not changed by a hang-up after the end, told or not', () => {
    const due = timeline(script(LATE), dialledAt, 1);
    const end = due.at(-1)!;
    expect(withHangup(due, end.signal.at.getTime())).toEqual(due);
    expect(end.dueAt).toBeGreaterThan(end.signal.at.getTime());
  });

  it('tells what happened before a hang-up by then, however late its callbacks are', () => {
    const cut = withHangup(timeline(script(LATE), dialledAt, 1), dialledAt + 3_000);
    expect(types(cut)).toBe('rae');
    expect(cut.map(({ dueAt }) => dueAt - dialledAt)).toEqual([3_000, 3_000, 3_000]);
  });

  it('of an end that is never told gets one from the hang-up', () => {
    const due = timeline(script(SILENT), dialledAt, 1);
    expect(types(withHangup(due, dialledAt + 3_600_000))).toBe(CONVERSATION);
  });

  it('takes in what was not in the script, after what happened before it, and nothing after the end', () => {
    const due = timeline(script(ANSWERED, { maxDurationMs: 1_000 }), dialledAt, 1);
    const key = (ms: number) => ({ type: 'dtmf', digit: '1', at: new Date(dialledAt + ms) }) as const;
    expect(types(withSignal(due, key(2_400)))).toBe('rade');
    expect(types(withSignal(withSignal(due, key(3_000)), key(3_000)))).toBe('radde');
    expect(types(withSignal(due, key(60_000)))).toBe('rade');
  });

  it('ends as the first end says', () => {
    const due = timeline(script(ANSWERED), dialledAt, 1);
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
    expect(types(cut)).toBe('rae');
    expect(withEnd(cut, end(2_600, 'second'))).toEqual(cut);
  });
});
