import { FRAME_MS } from './frames.js';
import { loudness, NoiseFloor } from './noise-floor.js';

/** Speech has at least this multiple of the amplitude of the noise. */
const RATIO = 3;

/** Separates speech from silence by loudness over an adaptive noise floor. Frames of 20 ms. */
export class VoiceActivity {
  speaking = false;
  private readonly floor = new NoiseFloor();
  private voicedMs = 0;
  private quietMs = 0;

  constructor(private readonly limits: { startMs: number; endMs: number }) {}

  push(frame: Int16Array): 'start' | 'end' | undefined {
    const amplitude = loudness(frame);
    return this.count(amplitude > this.floor.add(amplitude) * RATIO);
  }

  /** Counts a frame as silence at any loudness; the noise floor ignores it. */
  skip(): 'start' | 'end' | undefined {
    return this.count(false);
  }

  private count(voiced: boolean): 'start' | 'end' | undefined {
    if (voiced) {
      this.voicedMs += FRAME_MS;
      this.quietMs = 0;
    } else {
      this.quietMs += FRAME_MS;
      if (!this.speaking) this.voicedMs = Math.max(0, this.voicedMs - FRAME_MS);
    }
    if (!this.speaking && this.voicedMs >= this.limits.startMs) {
      this.speaking = true;
      return 'start';
    }
    if (this.speaking && this.quietMs >= this.limits.endMs) {
      this.speaking = false;
      this.voicedMs = 0;
      return 'end';
    }
    return undefined;
  }
}
