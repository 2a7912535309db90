import { EventQueue } from './event-queue.js';

async function all<T>(queue: EventQueue<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const value of queue) seen.push(value);
  return seen;
}

describe('the event queue', () => {
  it('keeps what happened before anybody read', async () => {
    const queue = new EventQueue<number>();
    queue.push(1);
    queue.push(2);
    queue.end();
    expect(await all(queue)).toEqual([1, 2]);
  });

  it('wakes its reader, and ends after all of it', async () => {
    const queue = new EventQueue<number>();
    const reading = all(queue);
    await Promise.resolve();
    queue.push(1);
    await Promise.resolve();
    queue.push(2);
    queue.end();
    queue.push(3);
    expect(await reading).toEqual([1, 2]);
  });

  it('ends with a failure after what was pushed before it', async () => {
    const queue = new EventQueue<number>();
    const failure = new Error('broken');
    queue.push(1);
    queue.end(failure);
    queue.end();
    const events = queue[Symbol.asyncIterator]();
    expect((await events.next()).value).toBe(1);
    await expect(events.next()).rejects.toBe(failure);
  });

  it('counts what is not read yet', async () => {
    const queue = new EventQueue<number>();
    queue.push(1);
    queue.push(2);
    await queue[Symbol.asyncIterator]().next();
    expect(queue.length).toBe(1);
  });

  it('refuses a second reader', () => {
    const queue = new EventQueue<number>();
    queue[Symbol.asyncIterator]();
    expect(() => queue[Symbol.asyncIterator]()).toThrow('read once');
  });
});
