import { FRAME_MS } from './audio-port.js';
import { energy } from './tone-bank.js';

/** Speech is so many times louder than the noise of the line, in amplitude. */
const RATIO = 3;
const LOWEST_FLOOR = 60;
/** A louder "noise" is a voice or music. */
const HIGHEST_FLOOR = 400;
/** The noise is the quietest frame of the last 1.6 s: no speech is without a gap for so long, and steady noise has none. */
const BLOCK_FRAMES = 10;
const BLOCKS = 8;

/** Tells speech from silence by loudness over an adaptive noise floor. Frames of 20 ms. */
export class VoiceActivity {
  speaking = false;
  private readonly quietest = [Infinity];
  private framesInBlock = 0;
  private voicedMs = 0;
  private quietMs = 0;

  constructor(private readonly limits: { startMs: number; endMs: number }) {}

  push(frame: Int16Array): 'start' | 'end' | undefined {
    const amplitude = Math.sqrt(energy(frame) / frame.length);
    return this.count(amplitude > this.floor(amplitude) * RATIO);
  }

  /** A frame that is no speech, however loud, and says nothing of the noise. */
  skip(): 'start' | 'end' | undefined {
    return this.count(false);
  }

  private floor(amplitude: number): number {
    if (++this.framesInBlock > BLOCK_FRAMES) {
      this.framesInBlock = 1;
      this.quietest.unshift(Infinity);
      this.quietest.length = Math.min(this.quietest.length, BLOCKS);
    }
    this.quietest[0] = Math.min(this.quietest[0] ?? Infinity, amplitude);
    return Math.max(LOWEST_FLOOR, Math.min(HIGHEST_FLOOR, ...this.quietest));
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
