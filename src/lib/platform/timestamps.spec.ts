import fc from 'fast-check';
import { parseTimestamp } from './timestamps.js';

const parsed = (text: string): string | undefined => parseTimestamp(text)?.toISOString();
const pad = (value: number, digits = 2): string => String(value).padStart(digits, '0');
const instants = fc.date({
  min: new Date('1970-01-02T00:00:00Z'),
  max: new Date('9999-12-30T00:00:00Z'),
  noInvalidDate: true,
});

describe('parseTimestamp', () => {
  it.each([
    ['2026-04-05T14:00:00Z', '2026-04-05T14:00:00.000Z'],
    ['2026-04-05T14:00:00.123Z', '2026-04-05T14:00:00.123Z'],
    ['2026-04-05T14:00:00.123999999Z', '2026-04-05T14:00:00.123Z'],
    ['2026-04-05T14:00:00,5Z', '2026-04-05T14:00:00.500Z'],
    ['2026-04-05t14:00:00z', '2026-04-05T14:00:00.000Z'],
    ['2026-04-05 14:00:00Z', '2026-04-05T14:00:00.000Z'],
    ['2026-04-05T14:00Z', '2026-04-05T14:00:00.000Z'],
    ['2026-04-05T14:00:00', '2026-04-05T14:00:00.000Z'],
    ['2026-04-05', '2026-04-05T00:00:00.000Z'],
    ['2026-04-05T14:00:00+02:00', '2026-04-05T12:00:00.000Z'],
    ['2026-04-05T14:00:00+0200', '2026-04-05T12:00:00.000Z'],
    ['2026-04-05T14:00:00+02', '2026-04-05T12:00:00.000Z'],
    ['2026-04-05T23:30:00-03:30', '2026-04-06T03:00:00.000Z'],
    ['2024-02-29T12:00:00Z', '2024-02-29T12:00:00.000Z'],
  ])('reads %s', (text, instant) => {
    expect(parsed(text)).toBe(instant);
  });

  it.each([
    ...['2026-02-29', '2026-02-30T10:00:00Z', '2026-04-31', '2026-13-01', '2026-00-10', '2026-01-00', '2100-02-29'],
    ...['2026-04-05T24:00:00Z', '2026-04-05T23:60:00Z', '2026-04-05T23:59:60Z', '2026-04-05T10:00:00+15:00'],
    ...['2026-04-05T10:00:00+02:60', '1969-12-31T23:59:59Z', '0000-01-01'],
  ])('refuses a time that does not exist: %s', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });

  it.each([
    ...['', 'tomorrow', '2026', '2026-04', '05.04.2026', '2026-4-5', '1775397600', '2026-04-05T', '2026-04-05T14Z'],
    ...['+002026-04-05', '2026-W14-7', '2026-04-05T14:00:00 Z', ' 2026-04-05', '2026-04-05\n', '２０２６-04-05', 'NaN'],
  ])('refuses what is not ISO 8601: %j', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });

  it('reads back every instant that it can write', () => {
    fc.assert(
      fc.property(instants, (instant) => {
        expect(parsed(instant.toISOString())).toBe(instant.toISOString());
      }),
      { numRuns: 1_000 },
    );
  });

  it('keeps every millisecond exactly', () => {
    for (let ms = 0; ms < 1_000; ms++)
      expect(parseTimestamp(`2026-04-05T14:00:00.${pad(ms, 3)}Z`)?.getUTCMilliseconds()).toBe(ms);
  });

  it('takes an offset as so much time east of UTC', () => {
    const offset = fc.integer({ min: -14 * 60, max: 14 * 60 });
    fc.assert(
      fc.property(instants, offset, (instant, minutesEast) => {
        const local = new Date(instant.getTime() + minutesEast * 60_000).toISOString().slice(0, -1);
        const size = Math.abs(minutesEast);
        const sign = minutesEast < 0 ? '-' : '+';
        expect(parsed(`${local}${sign}${pad(Math.floor(size / 60))}:${pad(size % 60)}`)).toBe(instant.toISOString());
      }),
    );
  });

  it('accepts a day exactly when the calendar has it', () => {
    const [year, month, day] = [fc.integer({ min: 1970, max: 9999 }), fc.nat({ max: 14 }), fc.nat({ max: 33 })];
    fc.assert(
      fc.property(year, month, day, (y, m, d) => {
        const lengths = [31, new Date(y, 2, 0).getDate(), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        const exists = d >= 1 && d <= (lengths[m - 1] ?? 0);
        expect(parseTimestamp(`${pad(y, 4)}-${pad(m)}-${pad(d)}`) !== undefined).toBe(exists);
      }),
      { numRuns: 1_000 },
    );
  });

  it('answers with a valid instant or none to any text', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[\dTZ:.,+ -]{0,40}$/));
    fc.assert(
      fc.property(text, (any) => {
        const instant = parseTimestamp(any);
        expect(instant === undefined || Number.isFinite(instant.getTime())).toBe(true);
      }),
    );
  });
});
