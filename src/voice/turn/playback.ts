import { type Clock } from '../clock.js';
import { type ConversationLine } from '../../lib/audio/index.js';

const SAMPLES_PER_MS = 8;

/**
 * The agent's end of the line, with a count of what was written since the last clear: the line counts what it played the
 * same way. Nobody else may write to the line meanwhile.
 */
export class Playback {
  /** Samples. */
  written = 0;
  private endsAtMs = 0;

  constructor(
    private readonly line: ConversationLine,
    private readonly clock: Clock,
    /** The line does not take speech: no fault of who made it. */
    private readonly broken: (error: unknown) => void,
  ) {}

  /** By the clock: whether something is being heard. */
  get playing(): boolean {
    return this.endsAtMs > this.clock.now();
  }

  /** By the clock: for how long nothing was heard. */
  get silentMs(): number {
    return Math.max(0, this.clock.now() - this.endsAtMs);
  }

  write(pcm: Int16Array): void {
    this.endsAtMs = Math.max(this.endsAtMs, this.clock.now()) + pcm.length / SAMPLES_PER_MS;
    this.written += pcm.length;
    try {
      this.line.write(pcm);
    } catch (error) {
      this.broken(error);
    }
  }

  mark(): Promise<'played' | 'cleared'> {
    return this.line.mark();
  }

  /** By the clock: samples played since the last clear. For when the line cannot be asked any more. */
  played(): number {
    const waitingMs = Math.max(0, this.endsAtMs - this.clock.now());
    return Math.max(0, this.written - Math.round(waitingMs * SAMPLES_PER_MS));
  }

  /** Drops at once what has not been played. @returns samples played since the last clear */
  async clear(): Promise<number> {
    this.written = 0;
    this.endsAtMs = 0;
    const { playedMs } = await this.line.clear();
    return playedMs * SAMPLES_PER_MS;
  }
}
