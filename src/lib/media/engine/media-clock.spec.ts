import { MediaClock } from './media-clock.js';

/** Time that passes when it is told to; timers come up to `latenessMs` too late. */
class FakeTime {
  now = 1_000;
  latenessMs = 0;
  private timer: { run: () => void; at: number } | undefined;

  clock(afterPhase = (): void => undefined): MediaClock {
    return new MediaClock(
      afterPhase,
      () => this.now,
      (run, delayMs) => {
        const timer = { run, at: this.now + delayMs };
        this.timer = timer;
        return () => {
          if (this.timer === timer) this.timer = undefined;
        };
      },
    );
  }

  get isArmed(): boolean {
    return this.timer !== undefined;
  }

  pass(ms: number): void {
    const end = this.now + ms;
    while (this.timer && this.timer.at + this.latenessMs <= end) {
      const { run, at } = this.timer;
      this.timer = undefined;
      this.now = Math.max(this.now, at + this.latenessMs);
      run();
    }
    this.now = end;
  }
}

describe('the media clock', () => {
  it('ticks 50 times a second', () => {
    const time = new FakeTime();
    let ticks = 0;
    time.clock().add(() => ticks++);
    time.pass(10_000);
    expect(ticks).toBe(500);
  });

  it('does not lose time to timers that come late', () => {
    const time = new FakeTime();
    time.latenessMs = 1.7;
    let ticks = 0;
    time.clock().add(() => ticks++);
    time.pass(100_000);
    expect(ticks).toBeGreaterThanOrEqual(4_999);
    expect(ticks).toBeLessThanOrEqual(5_000);
  });

  it('makes up for a short stop', () => {
    const time = new FakeTime();
    const skips: number[] = [];
    time.clock().add((_, skipped) => skips.push(skipped));
    time.pass(100);
    time.now += 90;
    time.pass(20);
    // Ticks are due 4, 24, … 204 ms after the start.
    expect(skips).toHaveLength(11);
    expect(skips.every((skipped) => skipped === 0)).toBe(true);
  });

  it('leaves out a long stop, and says how much', () => {
    const time = new FakeTime();
    const skips: number[] = [];
    const clock = time.clock();
    clock.add((_, skipped) => skips.push(skipped));
    clock.add((_, skipped) => skips.push(skipped));
    time.pass(100);
    time.now += 5_000;
    time.pass(100);
    const left = skips.reduce((sum, skipped) => sum + skipped, 0);
    expect(skips.filter((skipped) => skipped > 0)).toHaveLength(2);
    expect((left + skips.length) / 2).toBeCloseTo(5_200 / 20, -1);
    expect(skips.length).toBeLessThan(30);
  });

  it('spreads its members over the period', () => {
    const time = new FakeTime();
    const clock = time.clock();
    const moments = new Map<number, number>();
    for (let n = 0; n < 10; n++) clock.add((now) => moments.set(now, (moments.get(now) ?? 0) + 1));
    time.pass(20);
    expect([...moments.values()]).toEqual([2, 2, 2, 2, 2]);
  });

  it('tells when a phase is done', () => {
    const time = new FakeTime();
    const told: string[] = [];
    time.clock(() => told.push('done')).add(() => told.push('tick'));
    time.pass(20);
    expect(told.filter((what) => what === 'done')).toHaveLength(5);
    expect(told[told.indexOf('tick') + 1]).toBe('done');
  });

  it('has a timer only while somebody ticks', () => {
    const time = new FakeTime();
    const clock = time.clock();
    expect(time.isArmed).toBe(false);
    const stops = [clock.add(() => undefined), clock.add(() => undefined)];
    expect(time.isArmed).toBe(true);
    stops[0]?.();
    stops[0]?.();
    expect(time.isArmed).toBe(true);
    stops[1]?.();
    expect(time.isArmed).toBe(false);
  });

  it('may be left during a tick', () => {
    const time = new FakeTime();
    let ticks = 0;
    const stop = time.clock().add(() => {
      ticks++;
      stop();
    });
    time.pass(1_000);
    expect(ticks).toBe(1);
    expect(time.isArmed).toBe(false);
  });
});
