import { PlayoutQueue } from './playout-queue.js';

const samples = (length: number, value = 1): Int16Array => new Int16Array(length).fill(value);

describe('the playout queue', () => {
  it('hands out frames across what was written', () => {
    const queue = new PlayoutQueue();
    queue.write(samples(100, 1));
    queue.write(samples(100, 2));
    const out = samples(160, 9);
    expect(queue.take(out)).toBe(true);
    expect([out[99], out[100], out[159]]).toEqual([1, 2, 2]);
    expect(queue.take(out)).toBe(true);
    expect([out[39], out[40], out[159]]).toEqual([2, 0, 0]);
    expect(queue.take(out)).toBe(false);
  });

  it('reaches a mark once all before it was taken', () => {
    const queue = new PlayoutQueue();
    const reached: string[] = [];
    queue.write(samples(320));
    queue.mark((result) => reached.push(`first ${result}`));
    queue.write(samples(160));
    queue.mark((result) => reached.push(`second ${result}`));
    const out = samples(160);
    queue.take(out);
    expect(reached).toEqual([]);
    queue.take(out);
    expect(reached).toEqual(['first played']);
    queue.clear();
    expect(reached).toEqual(['first played', 'second cleared']);
  });

  it('reaches a mark at once when nothing waits', () => {
    const reached: string[] = [];
    new PlayoutQueue().mark((result) => reached.push(result));
    expect(reached).toEqual(['played']);
  });

  it('tells how much was played since the last clear, without the silence', () => {
    const queue = new PlayoutQueue();
    queue.write(samples(400));
    const out = samples(160);
    for (let frame = 0; frame < 5; frame++) queue.take(out);
    expect(queue.clear()).toBe(50);
    expect(queue.clear()).toBe(0);
    queue.write(samples(400));
    queue.take(out);
    expect(queue.clear()).toBe(20);
    expect(queue.take(out)).toBe(false);
  });
});
