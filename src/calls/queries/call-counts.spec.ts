import fc from 'fast-check';
import { anyCommand } from '../../../test/support/call-arbitraries.js';
import { DomainError } from '../../lib/platform/errors/domain-error.js';
import { type CallCommand, decide } from '../call.js';
import { type CallState, replay, statusOf, UNKNOWN_CALL } from '../call-state.js';
import { countChanges, DAY_MS, HOUR_MS, type Stretch, stretchesOf } from './call-counts.js';

const UNITS = { day: DAY_MS, hour: HOUR_MS } as const;

/** Borders of hours and days, and any other time. */
const anyMoment = fc.oneof(
  fc.integer({ min: -3 * DAY_MS, max: 4e12 }),
  fc.integer({ min: -3, max: 40_000 }).map((day) => day * DAY_MS),
  fc.integer({ min: -3, max: 1_000_000 }).map((hour) => hour * HOUR_MS),
  fc.integer({ min: -3, max: 40_000 }).map((day) => day * DAY_MS + 1),
  fc.integer({ min: -3, max: 40_000 }).map((day) => day * DAY_MS - 1),
);
const anyRange = fc.oneof(
  fc.tuple(anyMoment, anyMoment),
  fc
    .tuple(anyMoment, fc.integer({ min: 0, max: 3 * DAY_MS }))
    .map(([from, length]): [number, number] => [from, from + length]),
  fc.tuple(fc.constantFrom(-Infinity), anyMoment),
  fc.tuple(anyMoment, fc.constantFrom(Infinity)),
  fc.constant<[number, number]>([-Infinity, Infinity]),
);

const inEachStretch = (check: (stretch: Stretch, range: [number, number]) => void) => {
  fc.assert(
    fc.property(anyRange, ([from, to]) => {
      for (const stretch of stretchesOf(from, to)) check(stretch, [from, to]);
    }),
    { numRuns: 2_000 },
  );
};

describe('stretchesOf', () => {
  it('covers every range exactly: without a gap, without an overlap, newest first', () => {
    fc.assert(
      fc.property(anyRange, ([from, to]) => {
        const stretches = stretchesOf(from, to);
        fc.pre(from < to);
        let end = to;
        for (const stretch of stretches) {
          // Plus zero: rounding gives -0 just before 1970.
          expect(stretch.to + 0).toBe(end + 0);
          expect(stretch.from).toBeLessThan(stretch.to);
          end = stretch.from;
        }
        expect(end + 0).toBe(from + 0);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is empty for an empty or inverted range', () => {
    fc.assert(
      fc.property(anyMoment, fc.nat(), (time, before) => {
        expect(stretchesOf(time, time - before)).toEqual([]);
      }),
    );
  });

  it('counts by day and hour only whole days and hours', () => {
    inEachStretch(({ by, from, to }) => {
      if (by === 'rows') return;
      for (const edge of [from, to]) if (Number.isFinite(edge)) expect(Math.abs(edge % UNITS[by])).toBe(0);
    });
  });

  it('counts row by row less than an hour at either edge, at most', () => {
    inEachStretch(({ by, from, to }, range) => {
      if (by !== 'rows') return;
      expect(to - from).toBeLessThan(2 * HOUR_MS);
      expect(from === range[0] || to === range[1]).toBe(true);
      // No whole hour is counted by rows.
      expect(Math.floor(to / HOUR_MS)).toBeLessThanOrEqual(Math.ceil(from / HOUR_MS));
    });
  });

  it('counts by the hour less than a day at either edge, at most', () => {
    inEachStretch(({ by, from, to }) => {
      if (by === 'hour') expect(to - from).toBeLessThan(2 * DAY_MS);
      // No whole day is counted by hours.
      if (by === 'hour') expect(Math.floor(to / DAY_MS)).toBeLessThanOrEqual(Math.ceil(from / DAY_MS));
    });
  });

  it('takes all of time in one stretch of days', () => {
    expect(stretchesOf(-Infinity, Infinity)).toEqual([{ by: 'day', from: -Infinity, to: Infinity }]);
  });

  it('divides an ordinary range into rows, hours, days, hours and rows', () => {
    const time = (text: string) => Date.parse(`2026-${text}Z`);
    expect(stretchesOf(time('03-30T22:30:00'), time('04-02T01:15:00'))).toEqual([
      { by: 'rows', from: time('04-02T01:00:00'), to: time('04-02T01:15:00') },
      { by: 'hour', from: time('04-02T00:00:00'), to: time('04-02T01:00:00') },
      { by: 'day', from: time('03-31T00:00:00'), to: time('04-02T00:00:00') },
      { by: 'hour', from: time('03-30T23:00:00'), to: time('03-31T00:00:00') },
      { by: 'rows', from: time('03-30T22:30:00'), to: time('03-30T23:00:00') },
    ]);
  });
});

describe('countChanges', () => {
  it('adds up to one call under its present status, for any sequence of commands', () => {
    fc.assert(
      fc.property(fc.array(anyCommand, { maxLength: 20 }), fc.integer({ min: 1, max: 4 }), (commands, together) => {
        let state = UNKNOWN_CALL;
        const sums = new Map<string, number>();
        for (let i = 0; i < commands.length; i += together) {
          const after = carryOut(commands.slice(i, i + together), state);
          for (const { status, direction, calls } of countChanges(state, after))
            sums.set(`${status} ${direction}`, (sums.get(`${status} ${direction}`) ?? 0) + calls);
          state = after;
        }
        const left = [...sums].filter(([, calls]) => calls !== 0);
        expect(left).toEqual(state.status === 'unknown' ? [] : [[`${statusOf(state)} ${state.facts.direction}`, 1]]);
      }),
    );
  });

  it('is empty for the same status', () => {
    const dialing = replay([
      { type: 'call.queued', data: { at: '2026-04-05T14:00:00.000Z', ...FACTS } },
      { type: 'call.dialing', data: { at: '2026-04-05T14:00:01.000Z', attempt: 1, provider: 'sip', claim: 'c' } },
    ]);
    const connected = replay([{ type: 'call.started', data: { at: '2026-04-05T14:00:09.000Z' } }], dialing);
    expect(connected.status).toBe('connected');
    expect(countChanges(dialing, connected)).toEqual([]);
  });
});

const FACTS = {
  organizationId: '01981f2e-9c1a-7b3e-8f7a-00000000000a',
  environment: 'test',
  agentId: '01981f2e-9c1a-7b3e-8f7a-000000000001',
  direction: 'OUTBOUND',
  fromNumber: '+0987654321',
  toNumber: '+1234567890',
} as const;

/** The state after commands; a refused one has no effect. */
function carryOut(commands: CallCommand[], from: CallState): CallState {
  return commands.reduce((state, command) => {
    try {
      return replay(decide(command, state), state);
    } catch (error) {
      if (error instanceof DomainError) return state;
      throw error;
    }
  }, from);
}
