import { latencyOf } from './call-latency.js';

const turn = (n: number) => ({
  endpointingMs: n,
  transcriptionMs: n * 2,
  modelFirstTokenMs: n * 3,
  speechFirstByteMs: n * 4,
  totalMs: n * 10,
});

describe('latencyOf', () => {
  it('is null without answers', () => {
    expect(latencyOf([])).toBeNull();
  });

  it('has the median and the 95th percentile of each stage, by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => turn(((i * 37) % 100) + 1));
    expect(latencyOf(hundred)).toEqual({
      answers: 100,
      endpointingMs: { p50: 50, p95: 95 },
      transcriptionMs: { p50: 100, p95: 190 },
      modelFirstTokenMs: { p50: 150, p95: 285 },
      speechFirstByteMs: { p50: 200, p95: 380 },
      totalMs: { p50: 500, p95: 950 },
    });
  });

  it.each([
    [[7], 7, 7],
    [[7, 9], 7, 9],
    [[9, 7, 8], 8, 9],
    [[12.345, 10], 10, 12.3],
  ])('of %j is %d and %d', (totals, p50, p95) => {
    expect(latencyOf(totals.map((totalMs) => ({ totalMs })))).toMatchObject({ totalMs: { p50, p95 } });
  });

  it('is null for a stage without a measurement', () => {
    const strange = { totalMs: 4, endpointingMs: 'soon', transcriptionMs: null } as never;
    expect(latencyOf([strange, { totalMs: 6 }])).toEqual({
      answers: 2,
      endpointingMs: null,
      transcriptionMs: null,
      modelFirstTokenMs: null,
      speechFirstByteMs: null,
      totalMs: { p50: 4, p95: 6 },
    });
  });
});
