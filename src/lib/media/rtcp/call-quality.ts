import { type CallQuality } from '../media-types.js';

/** What `callQuality` works from. */
export interface LineFigures {
  packetsSent: number;
  packetsReceived: number;
  /** Never arrived. */
  packetsMissing: number;
  /** Arrived after the playout time. */
  packetsLate: number;
  jitterMs: number;
  /** How long the jitter buffer holds audio back. */
  bufferMs: number;
  remoteLossPercent: number | null;
  roundTripMs: number | null;
}

/** For G.711 with concealment (ITU-T G.113 appendix I): its robustness against random loss, Bpl. */
const PACKET_LOSS_ROBUSTNESS = 25.1;
/** The rating of a perfect narrowband line (ITU-T G.107). */
const BEST_RATING = 93.2;
/** Delay of packetization and of the far end's jitter buffer, which no report contains. */
const ASSUMED_DELAY_MS = 40;

/** The mean opinion score, 1 to 4.5, of loss in percent and one-way delay in milliseconds (simplified ITU-T G.107). */
export function meanOpinionScore(lossPercent: number, delayMs: number): number {
  const delayImpairment = 0.024 * delayMs + (delayMs > 177.3 ? 0.11 * (delayMs - 177.3) : 0);
  const lossImpairment = (95 * lossPercent) / (lossPercent + PACKET_LOSS_ROBUSTNESS);
  const rating = Math.min(100, Math.max(0, BEST_RATING - delayImpairment - lossImpairment));
  // The polynomial of the standard dips below 1 for very low ratings.
  return Math.max(1, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6);
}

export function callQuality(figures: LineFigures): CallQuality {
  const lost = figures.packetsMissing + figures.packetsLate;
  const expected = figures.packetsReceived + figures.packetsMissing;
  const lossPercent = expected === 0 ? 0 : Math.min(100, (lost * 100) / expected);
  const delayMs = (figures.roundTripMs ?? 0) / 2 + figures.bufferMs + ASSUMED_DELAY_MS;
  return {
    packetsSent: figures.packetsSent,
    packetsReceived: figures.packetsReceived,
    packetsLost: lost,
    lossPercent: rounded(lossPercent),
    jitterMs: rounded(figures.jitterMs),
    remoteLossPercent: figures.remoteLossPercent === null ? null : rounded(figures.remoteLossPercent),
    roundTripMs: figures.roundTripMs === null ? null : rounded(figures.roundTripMs),
    // A line without any received packet has the worst score.
    mos: expected === 0 ? 1 : rounded(meanOpinionScore(Math.max(lossPercent, figures.remoteLossPercent ?? 0), delayMs)),
  };
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
