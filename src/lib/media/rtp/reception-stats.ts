/** Counts what arrives from one source after another (RFC 3550 appendices A.1, A.3 and A.8). Pure: time is given. */

/** A sequence number that is further ahead than this is a restart, not a loss. */
const MAX_DROPOUT = 3_000;
const MAX_MISORDER = 100;
const UNITS_PER_MS = 8;

export class ReceptionStats {
  received = 0;
  /** In timestamp units of 1/8000 s. */
  jitter = 0;
  ssrc: number | undefined;

  private base = 0;
  private highest = 0;
  private cycles = 0;
  private receivedOfSource = 0;
  private badSequence: number | undefined;
  private transit: number | undefined;
  private lostBefore = 0;
  private expectedAtReport = 0;
  private receivedAtReport = 0;

  /** A packet came at `arrivalMs` of a monotonic clock. */
  packet(packet: { ssrc: number; sequence: number; timestamp: number }, arrivalMs: number): void {
    if (packet.ssrc !== this.ssrc) this.begin(packet.ssrc, packet.sequence);
    else if (!this.advance(packet.sequence)) return;
    this.received++;
    this.receivedOfSource++;
    this.measureJitter(packet.timestamp, arrivalMs);
  }

  private begin(ssrc: number, sequence: number): void {
    this.lostBefore += this.lostOfSource();
    this.ssrc = ssrc;
    this.base = sequence;
    this.highest = sequence;
    this.cycles = 0;
    this.receivedOfSource = 0;
    this.badSequence = undefined;
    this.transit = undefined;
    this.expectedAtReport = 0;
    this.receivedAtReport = 0;
  }

  /** false: one that is far off, which may be a stray; a second in its sequence is a restart of the source. */
  private advance(sequence: number): boolean {
    const ahead = (sequence - this.highest) & 0xffff;
    if (ahead < MAX_DROPOUT) {
      if (sequence < this.highest) this.cycles += 65_536;
      this.highest = sequence;
    } else if (ahead <= 65_536 - MAX_MISORDER) {
      if (sequence !== this.badSequence) {
        this.badSequence = (sequence + 1) & 0xffff;
        return false;
      }
      this.begin(this.ssrc ?? 0, sequence);
    }
    return true;
  }

  private measureJitter(timestamp: number, arrivalMs: number): void {
    const transit = (Math.round(arrivalMs * UNITS_PER_MS) - timestamp) | 0;
    if (this.transit !== undefined) {
      const difference = Math.abs((transit - this.transit) | 0);
      // A second is no jitter but a jump of the sender's clock.
      if (difference < 8_000) this.jitter += (difference - this.jitter) / 16;
    }
    this.transit = transit;
  }

  /** Of all sources; never negative. */
  get lost(): number {
    return this.lostBefore + this.lostOfSource();
  }

  get highestSequence(): number {
    return this.cycles + this.highest;
  }

  private get expectedOfSource(): number {
    return this.ssrc === undefined ? 0 : this.highestSequence - this.base + 1;
  }

  private lostOfSource(): number {
    return Math.max(0, this.expectedOfSource - this.receivedOfSource);
  }

  /** The loss of the current source for a report, of 256 since the report before and in all. */
  reportLoss(): { fractionLost: number; cumulativeLost: number } {
    const expected = this.expectedOfSource - this.expectedAtReport;
    const lost = expected - (this.receivedOfSource - this.receivedAtReport);
    this.expectedAtReport = this.expectedOfSource;
    this.receivedAtReport = this.receivedOfSource;
    return {
      fractionLost: expected <= 0 || lost <= 0 ? 0 : Math.min(255, Math.floor((lost * 256) / expected)),
      cumulativeLost: this.expectedOfSource - this.receivedOfSource,
    };
  }
}
