import { CallClock } from './call-clock.js';

describe('the clock of a call', () => {
  let clockMs = 5_000;
  const clock = { now: () => clockMs, after: () => () => undefined };

  it('counts from the frame with the least delay and never goes back', () => {
    const time = new CallClock(clock);
    const seen: number[] = [];
    // 30 ms late, 5 ms late, on time, 50 ms late.
    for (const [atMs, lateMs] of [
      [20, 30],
      [40, 5],
      [60, 0],
      [80, 50],
    ] as const) {
      clockMs = 6_000 + atMs + lateMs;
      time.frameEnded(atMs);
      expect(time.now()).toBeGreaterThanOrEqual(atMs);
      seen.push(time.now());
    }
    expect(seen).toEqual([20, 40, 60, 130]);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });
});
