import { EventQueue } from './event-queue.js';

describe('event queue', () => {
  it('gives what was pushed, before and while somebody waits, and then its end', async () => {
    const queue = new EventQueue<number>();
    queue.push(1);
    const events = queue[Symbol.asyncIterator]();
    expect((await events.next()).value).toBe(1);
    const next = events.next();
    queue.push(2);
    queue.push(3);
    expect((await next).value).toBe(2);
    queue.end();
    queue.push(4);
    expect((await events.next()).value).toBe(3);
    expect((await events.next()).done).toBe(true);
  });

  it('ends with a failure when it was read to there', async () => {
    const queue = new EventQueue<number>();
    const failure = new Error('broken');
    queue.push(1);
    queue.end(failure);
    queue.end();
    const events = queue[Symbol.asyncIterator]();
    expect((await events.next()).value).toBe(1);
    await expect(events.next()).rejects.toBe(failure);
  });

  it('ends while somebody waits', async () => {
    const queue = new EventQueue<number>();
    const next = queue[Symbol.asyncIterator]().next();
    queue.end();
    expect((await next).done).toBe(true);
  });
});
