import { SerialQueue } from './serial-queue.js';

describe('SerialQueue', () => {
  it('starts a task when the one before has settled, and returns its result', async () => {
    const queue = new SerialQueue();
    const steps: string[] = [];
    const first = queue.run(async () => {
      await Promise.resolve();
      steps.push('first');
      return 1;
    });
    const second = queue.run(() => {
      steps.push('second');
      return 2;
    });
    expect(await Promise.all([second, first])).toEqual([2, 1]);
    expect(steps).toEqual(['first', 'second']);
  });

  it('rejects for the caller of a failed task only', async () => {
    const queue = new SerialQueue();
    const failed = queue.run(() => Promise.reject(new Error('gone')));
    const next = queue.run(() => 'next');
    await expect(failed).rejects.toThrow('gone');
    expect(await next).toBe('next');
  });

  it('is idle when every task has settled', async () => {
    const queue = new SerialQueue();
    let ended = false;
    void queue.run(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      ended = true;
    });
    await queue.idle();
    expect(ended).toBe(true);
  });
});
