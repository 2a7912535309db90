import fc from 'fast-check';
import { v7 } from 'uuid';
import { firstIdAt, idTime, isId, newId, newRequestId } from './ids.js';

const times = fc.integer({ min: 0, max: 2 ** 48 - 1 });

describe('newId', () => {
  it('is a UUIDv7', () => {
    expect(newId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('sorts by the order of making, within a millisecond too', () => {
    const ids = Array.from({ length: 10_000 }, newId);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('idTime', () => {
  it('is the millisecond that the id was made in', () => {
    fc.assert(
      fc.property(times, (msecs) => {
        expect(idTime(v7({ msecs })).getTime()).toBe(msecs);
      }),
    );
  });
});

describe('firstIdAt', () => {
  it('sorts above every id made before its time and below every other one', () => {
    const near = fc.tuple(times, fc.integer({ min: -2, max: 2 })).map(([time, by]) => [time, time + by] as const);
    fc.assert(
      fc.property(near, ([time, madeAt]) => {
        fc.pre(madeAt >= 0 && madeAt < 2 ** 48);
        const id = v7({ msecs: madeAt });
        expect(id < firstIdAt(new Date(time))).toBe(madeAt < time);
      }),
    );
  });

  it('is an id itself, for times outside of what an id can hold too', () => {
    for (const time of [0, -1, -1e12, 2 ** 48, 8.64e15]) expect(isId(firstIdAt(new Date(time)))).toBe(true);
  });
});

describe('isId', () => {
  it('is true for ids in either case', () => {
    expect(isId(newId())).toBe(true);
    expect(isId(newId().toUpperCase())).toBe(true);
  });

  it.each(['', 'clx1234567890', '42', `${newId()} `, `${newId()}\n`, newId().replaceAll('-', ''), `{${newId()}}`])(
    'is false for what can name nothing: %j',
    (text) => {
      expect(isId(text)).toBe(false);
    },
  );
});

describe('newRequestId', () => {
  it('has the prefix of the contract and is never the same', () => {
    expect(newRequestId()).toMatch(/^req-[0-9a-f-]{36}$/);
    expect(newRequestId()).not.toBe(newRequestId());
  });
});
