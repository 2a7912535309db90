import { FRAME_MS } from './audio-port.js';
import { SAMPLE_RATE } from './sample-rate.js';

/** 425 Hz, a second of every five: what most of the world hears (ITU-T E.180). */
const HZ = 425;
const TONE_FRAMES = 1_000 / FRAME_MS;
const PERIOD_FRAMES = 5_000 / FRAME_MS;
const AMPLITUDE = 4_000;

/** What a caller hears while a phone rings, 20 ms at a time. */
export class RingingTone {
  private frame = 0;

  /** Fills `out`. false: a pause, and `out` is untouched. */
  take(out: Int16Array): boolean {
    const at = this.frame++ % PERIOD_FRAMES;
    if (at >= TONE_FRAMES) return false;
    for (let i = 0; i < out.length; i++)
      out[i] = AMPLITUDE * Math.sin((2 * Math.PI * HZ * (at * out.length + i)) / SAMPLE_RATE);
    return true;
  }
}
