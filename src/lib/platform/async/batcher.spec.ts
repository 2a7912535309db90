import { Batcher, type BatcherOptions } from './batcher.js';

interface Batch {
  items: number[];
  answer: (results: number[]) => void;
  fail: (error: Error) => void;
}

/** A coalescer whose batches the test answers by hand, in the order in which they left. */
function startCoalescer(options: Partial<BatcherOptions> = {}) {
  const batches: Batch[] = [];
  const run = (items: number[]) =>
    new Promise<number[]>((answer, fail) => {
      batches.push({ items, answer, fail });
    });
  return { batches, coalescer: new Batcher(run, { maxBatch: 100, maxInFlight: 1, ...options }) };
}

/** Lets the event loop turn until everything that can leave has left. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const submitAll = (coalescer: Batcher<number, number>, ...items: number[]): Promise<number>[] =>
  items.map((item) => coalescer.submit(item));
const double = (items: number[]): number[] => items.map((item) => item * 2);

describe('Coalescer', () => {
  it('sends what arrives together in one batch, in order, and tells each caller its own result', async () => {
    const { batches, coalescer } = startCoalescer();
    const results = Promise.all(submitAll(coalescer, 3, 1, 2));
    await settle();
    expect(batches.map(({ items }) => items)).toEqual([[3, 1, 2]]);
    batches[0]?.answer([6, 2, 4]);
    expect(await results).toEqual([6, 2, 4]);
  });

  it('sends an item alone when nothing else is there', async () => {
    const { batches, coalescer } = startCoalescer();
    const result = coalescer.submit(7);
    await settle();
    expect(batches.map(({ items }) => items)).toEqual([[7]]);
    batches[0]?.answer([14]);
    expect(await result).toBe(14);
  });

  it('lets what arrives while all slots are taken wait, and sends it as one batch', async () => {
    const { batches, coalescer } = startCoalescer({ maxInFlight: 2 });
    const results: Promise<number>[] = [];
    for (const item of [1, 2, 3, 4, 5]) {
      results.push(coalescer.submit(item));
      await settle();
    }
    expect(batches.map(({ items }) => items)).toEqual([[1], [2]]);
    batches[0]?.answer([2]);
    await settle();
    expect(batches.map(({ items }) => items)).toEqual([[1], [2], [3, 4, 5]]);
    for (const batch of batches.slice(1)) batch.answer(double(batch.items));
    expect(await Promise.all(results)).toEqual([2, 4, 6, 8, 10]);
  });

  it('never sends more in one batch than allowed', async () => {
    const { batches, coalescer } = startCoalescer({ maxBatch: 2 });
    const results = Promise.all(submitAll(coalescer, 1, 2, 3, 4, 5));
    for (let batch = 0; batch < 3; batch++) {
      await settle();
      batches[batch]?.answer(double(batches[batch]?.items ?? []));
    }
    expect(await results).toEqual([2, 4, 6, 8, 10]);
    expect(batches.map(({ items }) => items)).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('rejects every caller of a batch that failed, and goes on with the next one', async () => {
    const { batches, coalescer } = startCoalescer();
    const failed = Promise.allSettled(submitAll(coalescer, 1, 2));
    await settle();
    const next = coalescer.submit(3);
    batches[0]?.fail(new Error('gone'));
    expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await settle();
    batches[1]?.answer([6]);
    expect(await next).toBe(6);
  });

  it('survives work that throws before it returns a promise', async () => {
    const coalescer = new Batcher<number, number>(
      () => {
        throw new Error('at once');
      },
      { maxBatch: 10, maxInFlight: 1 },
    );
    await expect(coalescer.submit(1)).rejects.toThrow('at once');
    await expect(coalescer.submit(2)).rejects.toThrow('at once');
  });
});

describe('Coalescer with mayRetryAlone', () => {
  const pickyOptions = { maxBatch: 10, maxInFlight: 1, mayRetryAlone: (error: unknown) => error instanceof RangeError };
  const startPicky = (failure: new (message: string) => Error) => {
    const batches: number[][] = [];
    const run = (items: number[]): Promise<number[]> => {
      batches.push(items);
      return items.includes(13) ? Promise.reject(new failure('13')) : Promise.resolve(double(items));
    };
    return { batches, coalescer: new Batcher(run, pickyOptions) };
  };

  it('tries the items of a batch one by one, so that only the culprit fails', async () => {
    const { batches, coalescer } = startPicky(RangeError);
    const results = await Promise.allSettled(submitAll(coalescer, 1, 13, 2));
    expect(results).toEqual([
      { status: 'fulfilled', value: 2 },
      { status: 'rejected', reason: new RangeError('13') },
      { status: 'fulfilled', value: 4 },
    ]);
    expect(batches).toEqual([[1, 13, 2], [1], [13], [2]]);
  });

  it('does not try again what may have left something behind', async () => {
    const { batches, coalescer } = startPicky(TypeError);
    const results = await Promise.allSettled(submitAll(coalescer, 1, 13, 2));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(batches).toEqual([[1, 13, 2]]);
  });

  it('does not try a lone item again', async () => {
    const { batches, coalescer } = startPicky(RangeError);
    await expect(coalescer.submit(13)).rejects.toThrow('13');
    expect(batches).toEqual([[13]]);
  });
});
