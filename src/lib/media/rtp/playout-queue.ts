import { SAMPLE_RATE } from '../../audio/index.js';

type Played = (result: 'played' | 'cleared') => void;

/** The speech that waits to be sent, and the marks between it. */
export class PlayoutQueue {
  private entries: (Int16Array | Played)[] = [];
  /** Samples of the first entry that have been played. */
  private offset = 0;
  private playedSamples = 0;

  write(pcm: Int16Array): void {
    if (pcm.length > 0) this.entries.push(pcm);
  }

  /** `reached` is called when all before it has been played or cleared: at once when nothing waits. */
  mark(reached: Played): void {
    if (this.entries.length === 0) reached('played');
    else this.entries.push(reached);
  }

  /** Drops all that waits. Returns how much was played since the last clear, milliseconds. */
  clear(): number {
    const dropped = this.entries;
    this.entries = [];
    this.offset = 0;
    const playedMs = Math.round((this.playedSamples * 1_000) / SAMPLE_RATE);
    this.playedSamples = 0;
    for (const entry of dropped) if (typeof entry === 'function') entry('cleared');
    return playedMs;
  }

  /** Fills `out`, with silence where speech ends. false: there is no speech, and `out` is untouched. */
  take(out: Int16Array): boolean {
    let filled = 0;
    let entry = this.entries[0];
    while (entry !== undefined) {
      if (typeof entry === 'function') entry('played');
      else {
        const count = Math.min(out.length - filled, entry.length - this.offset);
        out.set(entry.subarray(this.offset, this.offset + count), filled);
        filled += count;
        this.offset += count;
        if (this.offset < entry.length) break;
        this.offset = 0;
      }
      this.entries.shift();
      entry = this.entries[0];
    }
    if (filled === 0) return false;
    out.fill(0, filled);
    this.playedSamples += filled;
    return true;
  }
}
