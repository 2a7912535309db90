import { type Clock } from '../clock.js';
import { type AudioPort, SAMPLES_PER_MS } from '../../lib/audio/index.js';

/**
 * The agent's end of the line, with a count of the samples written since the last clear; the line counts played samples
 * in the same way. The conversation is the only writer of the line.
 */
export class Playback {
  /** Samples since the last clear. */
  written = 0;
  private endsAtMs = 0;

  constructor(
    private readonly line: AudioPort,
    private readonly clock: Clock,
    /** Called with the error of a line that rejects speech. */
    private readonly onBroken: (error: unknown) => void,
  ) {}

  /** Whether speech is being played, by the clock. */
  get playing(): boolean {
    return this.endsAtMs > this.clock.now();
  }

  /** How long no speech was played, by the clock. */
  get silentMs(): number {
    return Math.max(0, this.clock.now() - this.endsAtMs);
  }

  write(pcm: Int16Array): void {
    this.endsAtMs = Math.max(this.endsAtMs, this.clock.now()) + pcm.length / SAMPLES_PER_MS;
    this.written += pcm.length;
    try {
      this.line.write(pcm);
    } catch (error) {
      this.onBroken(error);
    }
  }

  mark(): Promise<'played' | 'cleared'> {
    return this.line.mark();
  }

  /** Samples played since the last clear, by the clock: for a line that cannot be asked any more. */
  played(): number {
    const waitingMs = Math.max(0, this.endsAtMs - this.clock.now());
    return Math.max(0, this.written - Math.round(waitingMs * SAMPLES_PER_MS));
  }

  /** Drops speech that was not played yet. @returns samples played since the last clear */
  async clear(): Promise<number> {
    this.written = 0;
    this.endsAtMs = 0;
    const { playedMs } = await this.line.clear();
    return playedMs * SAMPLES_PER_MS;
  }
}
