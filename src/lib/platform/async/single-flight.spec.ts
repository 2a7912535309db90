import { singleFlight } from './single-flight.js';

/** Work whose every run ends when it is told to. */
function controlled() {
  const runs: { end: () => void; fail: (error: Error) => void }[] = [];
  let running = 0;
  let most = 0;
  const work = async () => {
    running++;
    most = Math.max(most, running);
    try {
      await new Promise<void>((end, fail) => runs.push({ end, fail }));
    } finally {
      running--;
    }
  };
  return { ask: singleFlight(work), runs, most: () => most };
}

/** Lets everything happen that waits for nothing. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('oneAtATime', () => {
  it('runs at once when nothing runs', async () => {
    const { ask, runs } = controlled();
    const asked = ask();
    expect(runs).toHaveLength(1);
    runs[0]!.end();
    await asked;
  });

  it('all who ask while it runs share the one run after it', async () => {
    const { ask, runs, most } = controlled();
    const first = ask();
    const others = [ask(), ask(), ask()];
    await settle();
    expect(runs).toHaveLength(1);
    runs[0]!.end();
    await first;
    await settle();
    expect(runs).toHaveLength(2);
    runs[1]!.end();
    await Promise.all(others);
    await settle();
    expect(runs).toHaveLength(2);
    expect(most()).toBe(1);
  });

  it('nobody is told of a run that began before they had asked', async () => {
    const { ask, runs } = controlled();
    let isTold = false;
    void ask();
    void ask().then(() => (isTold = true));
    runs[0]!.end();
    await settle();
    expect(isTold).toBe(false);
    runs[1]!.end();
    await settle();
    expect(isTold).toBe(true);
  });

  it('never runs twice at once, also for who asks the moment that a run ends', async () => {
    const { ask, runs, most } = controlled();
    const first = ask();
    const second = ask();
    const third = first.then(ask);
    runs[0]!.end();
    await settle();
    expect(most()).toBe(1);
    expect(runs).toHaveLength(2);
    runs[1]!.end();
    await Promise.all([second, third]);
  });

  it('a failure is told to those who asked for that run, and to nobody else', async () => {
    const { ask, runs } = controlled();
    const first = ask();
    const second = ask();
    runs[0]!.fail(new Error('first'));
    await expect(first).rejects.toThrow('first');
    await settle();
    runs[1]!.end();
    await second;
    const third = ask();
    runs[2]!.end();
    await third;
  });
});
