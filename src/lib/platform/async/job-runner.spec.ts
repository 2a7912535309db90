import { JobRunner } from './job-runner.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Jobs whose ends the test decides. */
function controlledJobs(count: number, maxConcurrent: number) {
  const due = Array.from({ length: count }, (_, n) => n);
  const ends = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  const failures: unknown[] = [];
  const runner = new JobRunner<number>({
    maxConcurrent,
    take: (limit) => Promise.resolve(due.splice(0, limit)),
    run: (job) => new Promise((resolve, reject) => ends.set(job, { resolve, reject })),
    failed: (error, job) => failures.push([job, (error as Error).message]),
  });
  return { runner, ends, failures, due };
}

describe('JobRunner', () => {
  it('runs as many jobs at once as it may, and the next one when a place is free', async () => {
    const { runner, ends } = controlledJobs(3, 2);
    await runner.round();
    expect([...ends.keys()]).toEqual([0, 1]);
    ends.get(0)?.resolve();
    await turn();
    expect([...ends.keys()]).toEqual([0, 1, 2]);
  });

  it('reports a failed job and goes on', async () => {
    const { runner, ends, failures } = controlledJobs(2, 1);
    await runner.round();
    ends.get(0)?.reject(new Error('gone'));
    await turn();
    expect(failures).toEqual([[0, 'gone']]);
    expect([...ends.keys()]).toEqual([0, 1]);
  });

  it('is idle when no job is due or running', async () => {
    const { runner, ends, due } = controlledJobs(2, 1);
    let isIdle = false;
    const idle = runner.idle().then(() => (isIdle = true));
    await turn();
    ends.get(0)?.resolve();
    await turn();
    expect([isIdle, due.length]).toEqual([false, 0]);
    ends.get(1)?.resolve();
    await idle;
  });

  it('takes no job after a stop, and waits for the running ones', async () => {
    const { runner, ends, due } = controlledJobs(2, 1);
    await runner.round();
    const stopped = runner.stop();
    ends.get(0)?.resolve();
    await stopped;
    await runner.round();
    expect([[...ends.keys()], due]).toEqual([[0], [1]]);
  });

  it('passes on that jobs could not be taken', async () => {
    const runner = new JobRunner<number>({
      maxConcurrent: 1,
      take: () => Promise.reject(new Error('no database')),
      run: () => Promise.resolve(),
      failed: () => undefined,
    });
    await expect(runner.round()).rejects.toThrow('no database');
    await runner.stop();
  });
});
