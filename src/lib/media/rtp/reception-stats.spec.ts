import { ReceptionStats } from './reception-stats.js';

function receive(sequences: number[], stats = new ReceptionStats(), ssrc = 1): ReceptionStats {
  for (const sequence of sequences) stats.packet({ ssrc, sequence, timestamp: (sequence * 160) >>> 0 }, sequence * 20);
  return stats;
}

describe('reception', () => {
  it('misses nothing when all came', () => {
    const stats = receive([1, 2, 3]);
    expect([stats.received, stats.lost, stats.jitter]).toEqual([3, 0, 0]);
  });

  it('counts gaps, also at the wrap of the sequence number', () => {
    const stats = receive([65_533, 65_535, 1, 2]);
    expect([stats.received, stats.lost, stats.highestSequence]).toEqual([4, 2, 65_538]);
  });

  it('takes back a loss that was only late', () => {
    expect(receive([1, 2, 4, 3, 5]).lost).toBe(0);
  });

  it('is never below nothing for duplicates', () => {
    expect(receive([1, 1, 1]).lost).toBe(0);
  });

  it('does not believe a single stray, but a second in sequence', () => {
    const stats = receive([1, 2, 30_000, 3]);
    expect([stats.received, stats.lost]).toEqual([3, 0]);
    receive([40_000, 40_001, 40_002], stats);
    expect([stats.received, stats.lost, stats.highestSequence]).toEqual([5, 0, 40_002]);
  });

  it('keeps the losses of a source that another replaces', () => {
    const stats = receive([500, 501], receive([1, 3]), 2);
    expect([stats.received, stats.lost, stats.ssrc]).toEqual([4, 1, 2]);
  });

  it('reports loss since the report before and in all', () => {
    const stats = receive([1, 2, 4]);
    expect(stats.reportLoss()).toEqual({ fractionLost: 64, cumulativeLost: 1 });
    receive([5, 6], stats);
    expect(stats.reportLoss()).toEqual({ fractionLost: 0, cumulativeLost: 1 });
  });

  it('measures jitter as RFC 3550 appendix A.8 does', () => {
    const stats = new ReceptionStats();
    // Each second packet is 10 ms late: every difference of transit is 80 units.
    for (let n = 0; n < 200; n++) stats.packet({ ssrc: 1, sequence: n, timestamp: n * 160 }, n * 20 + (n % 2) * 10);
    expect(stats.jitter).toBeCloseTo(80, 0);
  });

  it('takes a jump of the sender’s clock for no jitter', () => {
    const stats = new ReceptionStats();
    stats.packet({ ssrc: 1, sequence: 1, timestamp: 0 }, 0);
    stats.packet({ ssrc: 1, sequence: 2, timestamp: 1_000_000 }, 20);
    expect(stats.jitter).toBe(0);
  });
});
