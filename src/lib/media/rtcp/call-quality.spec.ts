import { callQuality, meanOpinionScore } from './call-quality.js';

const GOOD = {
  packetsSent: 100,
  packetsReceived: 100,
  packetsMissing: 0,
  packetsLate: 0,
  jitterMs: 1,
  bufferMs: 40,
  remoteLossPercent: null,
  roundTripMs: 20,
};

describe('call quality', () => {
  it('is toll quality without loss and near 1 without sound', () => {
    expect(meanOpinionScore(0, 50)).toBeGreaterThan(4.3);
    expect(meanOpinionScore(0, 50)).toBeLessThanOrEqual(4.5);
    expect(meanOpinionScore(100, 50)).toBeLessThan(2);
    expect(meanOpinionScore(100, 5_000)).toBe(1);
  });

  it('falls with loss and with delay', () => {
    const scores = [
      meanOpinionScore(0, 50),
      meanOpinionScore(2, 50),
      meanOpinionScore(2, 300),
      meanOpinionScore(10, 300),
    ];
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(new Set(scores).size).toBe(4);
  });

  it('counts what came too late as lost', () => {
    const quality = callQuality({ ...GOOD, packetsReceived: 90, packetsMissing: 10, packetsLate: 5 });
    expect([quality.packetsLost, quality.lossPercent]).toEqual([15, 15]);
  });

  it('is as bad as the worse direction', () => {
    expect(callQuality({ ...GOOD, remoteLossPercent: 20 }).mos).toBe(
      callQuality({ ...GOOD, packetsReceived: 80, packetsMissing: 20 }).mos,
    );
  });

  it('makes no numbers up when nothing came', () => {
    const quality = callQuality({ ...GOOD, packetsReceived: 0, roundTripMs: null });
    expect([quality.lossPercent, quality.roundTripMs, quality.remoteLossPercent]).toEqual([0, null, null]);
    expect(quality.mos).toBe(1);
  });
});
