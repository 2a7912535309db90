import { FrameBatch, readFrames } from './frame-batch.js';

function read(frames: ArrayBuffer | undefined): [number, number, Int16Array][] {
  const all: [number, number, Int16Array][] = [];
  if (frames) readFrames(frames, (...entry) => all.push(entry));
  return all;
}

describe('a batch of frames', () => {
  it('is read as it was filled, however many there are', () => {
    const batch = new FrameBatch();
    const given = Array.from({ length: 100 }, (_, n): [number, number, Int16Array] => [
      n,
      n * 20,
      new Int16Array(160).fill(n - 50),
    ]);
    for (const entry of given) batch.add(...entry);
    expect(read(batch.take())).toEqual(given);
  });

  it('is empty after it was taken', () => {
    const batch = new FrameBatch();
    batch.add(1, 2, new Int16Array(160));
    batch.take();
    expect(batch.take()).toBeUndefined();
  });

  it('gives each frame its own memory', () => {
    const batch = new FrameBatch();
    batch.add(1, 0, new Int16Array(160));
    batch.add(2, 0, new Int16Array(160));
    const [[, , first], [, , second]] = read(batch.take()) as [
      [number, number, Int16Array],
      [number, number, Int16Array],
    ];
    expect(first.buffer).not.toBe(second.buffer);
    expect(first.buffer.byteLength).toBe(320);
  });
});
