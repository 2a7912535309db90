import { SimulatorClock } from './simulator-clock.js';

/** Manual real time with the one timer that may run on it. */
class RealTime {
  nowMs = 1_000;
  timers: { atMs: number; run: () => void }[] = [];

  readonly schedule = (run: () => void, delayMs: number): (() => void) => {
    const timer = { atMs: this.nowMs + Math.max(0, delayMs), run };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((one) => one !== timer);
    };
  };

  /** Timers fire `lateMs` late. */
  pass(ms: number, lateMs = 0): void {
    const until = this.nowMs + ms;
    for (;;) {
      const [timer] = this.timers;
      if (!timer || timer.atMs + lateMs > until) break;
      this.timers.shift();
      this.nowMs = Math.max(this.nowMs, timer.atMs + lateMs);
      timer.run();
    }
    this.nowMs = until;
  }
}

function start(speed = 1) {
  const real = new RealTime();
  const clock = new SimulatorClock(speed, () => real.nowMs, real.schedule);
  return { real, clock };
}

describe('SimulatorClock', () => {
  it.each([1, 4, 20, 0.5])('ticks every 20 ms of its time at speed %d', (speed) => {
    const { real, clock } = start(speed);
    const ticks: number[] = [];
    clock.every(() => ticks.push(clock.now()));
    real.pass(101 / speed);
    expect(ticks).toEqual([20, 40, 60, 80, 100]);
  });

  it('catches up lateness, so that it never adds up', () => {
    const { real, clock } = start();
    let ticks = 0;
    clock.every(() => ticks++);
    real.pass(10_007, 7);
    expect(ticks).toBe(500);
  });

  it('skips a standstill that is too long', () => {
    const { real, clock } = start();
    let ticks = 0;
    clock.every(() => ticks++);
    real.nowMs += 60_000;
    real.pass(1_000);
    expect(ticks).toBeLessThanOrEqual(51);
    expect(ticks).toBeGreaterThanOrEqual(50);
  });

  it('has one timer for all lines, and none without lines', () => {
    const { real, clock } = start();
    expect(real.timers).toHaveLength(0);
    const stops = Array.from({ length: 20 }, () => clock.every(() => undefined));
    expect(real.timers).toHaveLength(1);
    real.pass(500);
    expect(real.timers).toHaveLength(1);
    for (const stop of stops) stop();
    expect(real.timers).toHaveLength(0);
    expect(clock.isRunning).toBe(false);
  });

  it('stops in the middle of a tick, and starts again', () => {
    const { real, clock } = start();
    let ticks = 0;
    const stop = clock.every(() => {
      if (++ticks === 2) stop();
    });
    real.pass(500);
    expect([ticks, clock.isRunning, real.timers.length]).toEqual([2, false, 0]);
    clock.every(() => ticks++);
    real.pass(41);
    expect(ticks).toBe(4);
  });

  it('runs due timers in their order, before the lines of the same moment', () => {
    const { real, clock } = start();
    const happened: string[] = [];
    clock.every(() => happened.push(`tick ${clock.now()}`));
    clock.after(39, () => happened.push('39'));
    clock.after(5, () => {
      happened.push('5');
      clock.after(0, () => happened.push('at once'));
    });
    clock.after(30, () => happened.push('30'));
    const cancel = clock.after(10, () => happened.push('never'));
    cancel();
    real.pass(41);
    expect(happened).toEqual(['5', 'tick 20', 'at once', '30', '39', 'tick 40']);
  });

  it('does not run a timer that another timer of the same moment cancelled', () => {
    const { real, clock } = start();
    const happened: string[] = [];
    clock.after(10, () => {
      happened.push('first');
      cancel();
    });
    const cancel = clock.after(11, () => happened.push('second'));
    real.pass(50);
    expect(happened).toEqual(['first']);
    expect(real.timers).toHaveLength(0);
  });
});
