import { type ReceptionStats } from '../rtp/reception-stats.js';
import { buildRtcp, parseRtcp, roundTripMs, type SenderInfo } from './rtcp.js';

const INTERVAL_MS = 5_000;

/** Reports reception quality to the far end and keeps the reports of the far end (RFC 3550 section 6). Pure: callers pass the time. */
export class RtcpReporter {
  remoteLossPercent: number | null = null;
  roundTripMs: number | null = null;
  /** Reports that arrived. */
  received = 0;

  private dueMs: number;
  private lastReport: { ntpMiddle: number; wallMs: number } | undefined;

  constructor(
    private readonly own: { ssrc: number; cname: string },
    nowMs: number,
    private readonly random: () => number = Math.random,
  ) {
    // The first comes after half the time, so that short calls have figures, too.
    this.dueMs = nowMs + this.interval() / 2;
  }

  isDue(nowMs: number): boolean {
    return nowMs >= this.dueMs;
  }

  /** A compound packet for now. `sender` is undefined while we have sent nothing. */
  build(
    figures: { nowMs: number; wallMs: number; sender: SenderInfo | undefined; bye: boolean },
    stats: ReceptionStats,
  ): Buffer {
    this.dueMs = figures.nowMs + this.interval();
    const { ssrc } = stats;
    const last = this.lastReport;
    return buildRtcp({
      ...this.own,
      sender: figures.sender,
      bye: figures.bye,
      block:
        ssrc === undefined
          ? undefined
          : {
              ssrc,
              ...stats.reportLoss(),
              highestSequence: stats.highestSequence,
              jitter: Math.round(stats.jitter),
              lastReport: last?.ntpMiddle ?? 0,
              delaySinceLastReport: last
                ? Math.max(0, Math.round(((figures.wallMs - last.wallMs) * 65_536) / 1_000))
                : 0,
            },
    });
  }

  /** false for what is no RTCP. */
  receive(packet: Buffer, wallMs: number, packetsSent: number): boolean {
    const compound = parseRtcp(packet);
    if (!compound) return false;
    for (const report of compound.reports) {
      this.received++;
      if (report.sender) this.lastReport = { ntpMiddle: report.sender.ntpMiddle, wallMs };
      for (const block of report.blocks) {
        if (block.ssrc !== this.own.ssrc) continue;
        const trip = roundTripMs(block, wallMs);
        if (trip !== undefined) this.roundTripMs = trip;
        if (packetsSent > 0)
          this.remoteLossPercent = Math.min(100, Math.max(0, (block.cumulativeLost * 100) / packetsSent));
      }
    }
    return true;
  }

  /** Randomised, so that the reports of many lines do not come together (section 6.3.1). */
  private interval(): number {
    return INTERVAL_MS * (0.5 + this.random());
  }
}
