import { buildRtcp, ntpMiddle, parseRtcp, roundTripMs, type ReportBlock } from './rtcp.js';
import { RtcpReporter } from './rtcp-reporter.js';
import { ReceptionStats } from '../rtp/reception-stats.js';

const BLOCK: ReportBlock = {
  ssrc: 7,
  fractionLost: 64,
  cumulativeLost: -3,
  highestSequence: 0x1_0002,
  jitter: 12,
  lastReport: 0x1234_5678,
  delaySinceLastReport: 65_536,
};
const WALL = Date.UTC(2026, 0, 2, 3, 4, 5, 250);

describe('RTCP', () => {
  it('is read as it was built', () => {
    const sender = { wallMs: WALL, rtpTimestamp: 1, packets: 2, octets: 3 };
    const built = buildRtcp({ ssrc: 5, cname: 'somebody', sender, block: BLOCK, bye: true });
    expect(built.length % 4).toBe(0);
    expect(parseRtcp(built)).toEqual({
      reports: [{ ssrc: 5, sender: { ntpMiddle: ntpMiddle(WALL) }, blocks: [BLOCK] }],
      cname: 'somebody',
      byes: [5],
    });
  });

  it('of one who has sent nothing is a receiver report', () => {
    const built = buildRtcp({ ssrc: 5, cname: 'x', sender: undefined, block: undefined, bye: false });
    expect(built[1]).toBe(201);
    expect(parseRtcp(built)).toEqual({ reports: [{ ssrc: 5, sender: undefined, blocks: [] }], cname: 'x', byes: [] });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a length beyond the end', Buffer.from('81c90007000000050000000700000000', 'hex')],
    ['fewer blocks than it counts', Buffer.from('81c9000100000005', 'hex')],
    ['no report first', Buffer.from('81cb000100000005', 'hex')],
    ['another version', Buffer.from('40c9000100000005', 'hex')],
    ['BYE of more sources than there are', Buffer.from('80c900010000000582cb000100000005', 'hex')],
    ['a cut tail', Buffer.from('80c900010000000581cb', 'hex')],
  ])('is refused with %s', (_, bytes) => {
    expect(parseRtcp(bytes)).toBeUndefined();
  });

  it('passes over packets that it does not know', () => {
    expect(parseRtcp(Buffer.from('80c900010000000580cc000100000005', 'hex'))?.reports).toHaveLength(1);
  });

  it('measures the round trip without the time that the far end took', () => {
    const block = { ...BLOCK, lastReport: ntpMiddle(WALL), delaySinceLastReport: 2 * 65_536 };
    expect(roundTripMs(block, WALL + 2_120)).toBeCloseTo(120, 0);
    expect(roundTripMs(block, WALL + 1_000)).toBeUndefined();
    expect(roundTripMs({ ...block, lastReport: 0 }, WALL)).toBeUndefined();
  });
});

describe('the RTCP reporter', () => {
  const line = (ssrc: number): RtcpReporter => new RtcpReporter({ ssrc, cname: `${ssrc}` }, 0, () => 0.5);

  it('reports first after half an interval, then after a whole one', () => {
    const reporter = line(1);
    expect(reporter.isDue(2_499)).toBe(false);
    expect(reporter.isDue(2_500)).toBe(true);
    reporter.build({ nowMs: 2_500, wallMs: WALL, sender: undefined, bye: false }, new ReceptionStats());
    expect(reporter.isDue(7_499)).toBe(false);
    expect(reporter.isDue(7_500)).toBe(true);
  });

  it('varies its interval from half to one and a half', () => {
    const early = new RtcpReporter({ ssrc: 1, cname: '' }, 0, () => 0);
    const late = new RtcpReporter({ ssrc: 1, cname: '' }, 0, () => 1);
    expect([early.isDue(1_250), late.isDue(3_749), late.isDue(3_750)]).toEqual([true, false, true]);
  });

  it('learns loss and round trip from what comes back', () => {
    const [ours, theirs] = [line(1), line(2)];
    const sender = { wallMs: WALL, rtpTimestamp: 0, packets: 10, octets: 0 };
    const heard = new ReceptionStats();
    for (const sequence of [1, 2, 3, 5, 6, 7, 8, 10]) heard.packet({ ssrc: 1, sequence, timestamp: 0 }, 0);
    theirs.receive(ours.build({ nowMs: 0, wallMs: WALL, sender, bye: false }, new ReceptionStats()), WALL + 40, 0);
    const back = theirs.build({ nowMs: 0, wallMs: WALL + 1_040, sender: undefined, bye: false }, heard);
    expect(ours.receive(back, WALL + 1_080, 10)).toBe(true);
    expect(ours.remoteLossPercent).toBe(20);
    expect(ours.roundTripMs).toBeCloseTo(80, 0);
  });

  it('believes nothing about other sources', () => {
    const [ours, theirs] = [line(1), line(2)];
    const heard = new ReceptionStats();
    heard.packet({ ssrc: 3, sequence: 1, timestamp: 0 }, 0);
    ours.receive(theirs.build({ nowMs: 0, wallMs: WALL, sender: undefined, bye: false }, heard), WALL, 10);
    expect(ours.remoteLossPercent).toBeNull();
  });
});
