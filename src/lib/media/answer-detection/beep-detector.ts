import { FRAME_MS, FRAME_SAMPLES, energy, ToneBank } from '../../audio/index.js';

const LOWEST_HZ = 400;
const HIGHEST_HZ = 2_200;
const STEP_HZ = 50;
const FREQUENCIES = Array.from({ length: (HIGHEST_HZ - LOWEST_HZ) / STEP_HZ + 1 }, (_, i) => LOWEST_HZ + i * STEP_HZ);
/** So much of the energy is in one frequency. */
const PURITY = 0.7;
const MIN_AMPLITUDE = 200;
const MIN_MS = 140;
/** Longer is a fax or a dead line. */
const MAX_MS = 2_000;
/** Two tones close to each other beat: each 10 ms of them are louder or softer than those before. A beep is steady. */
const JUMP = 1.4;
/** A beep may fade in and out. */
const MAX_JUMPS_SHARE = 0.25;
/** What follows a tone within this is a sequence, such as the three tones of "number not in service". */
const SEQUENCE_MS = 120;
/** Ringing and busy tones of most countries are here; a beep as low and long as those is not believed. */
const CALL_PROGRESS_BELOW_HZ = 475;
const CALL_PROGRESS_MS = 300;

interface Tone {
  hz: number;
  ms: number;
  /** Of the last 10 ms. */
  amplitude: number;
  jumps: number;
  follows: boolean;
}

/** Finds the single steady tone after which answering machines record. Frames of 20 ms. */
export class BeepDetector {
  private readonly bank = new ToneBank(FREQUENCIES, FRAME_SAMPLES);
  private tone: Tone | undefined;
  /** A tone that has ended and is a beep unless another follows. */
  private candidate = false;
  private sinceToneMs = Infinity;
  /** The frame before, while it has not been looked at. */
  private readonly before = new Int16Array(FRAME_SAMPLES);
  private isBeforeUnseen = false;

  /** Whether the latest frames are a tone and not speech. */
  get inTone(): boolean {
    return this.tone !== undefined && this.tone.ms >= 3 * FRAME_MS;
  }

  /** true: there was a beep, and it is over. */
  push(frame: Int16Array): boolean {
    // Without a tone every second frame will do: looking is what costs, and one that has begun is made up for.
    if (!this.tone && !this.candidate && !this.isBeforeUnseen) {
      this.before.set(frame);
      this.isBeforeUnseen = true;
      this.sinceToneMs += FRAME_MS;
      return false;
    }
    const hz = this.pureTone(frame);
    if (this.isBeforeUnseen) {
      this.isBeforeUnseen = false;
      if (hz !== undefined) this.beginBefore(hz);
    }
    if (hz !== undefined && this.tone && Math.abs(hz - this.tone.hz) <= STEP_HZ) {
      this.extend(this.tone, frame);
      return false;
    }
    this.endTone();
    if (hz !== undefined) this.beginTone(hz);
    else this.sinceToneMs += FRAME_MS;
    if (!this.candidate || this.sinceToneMs < SEQUENCE_MS) return false;
    this.candidate = false;
    return true;
  }

  /** The frame that was passed over may have been the first of the tone. */
  private beginBefore(hz: number): void {
    if (this.pureTone(this.before) !== hz) return;
    this.sinceToneMs -= FRAME_MS;
    this.beginTone(hz);
  }

  private beginTone(hz: number): void {
    this.tone = { hz, ms: FRAME_MS, amplitude: 0, jumps: 0, follows: this.sinceToneMs < SEQUENCE_MS };
  }

  private extend(tone: Tone, frame: Int16Array): void {
    tone.ms += FRAME_MS;
    for (const half of [frame.subarray(0, frame.length / 2), frame.subarray(frame.length / 2)]) {
      const amplitude = Math.sqrt(energy(half) / half.length);
      const [less, more] = [Math.min(amplitude, tone.amplitude), Math.max(amplitude, tone.amplitude)];
      if (tone.amplitude > 0 && more > less * JUMP) tone.jumps++;
      tone.amplitude = amplitude;
    }
  }

  private endTone(): void {
    const { tone } = this;
    if (!tone) return;
    this.tone = undefined;
    if (tone.ms < MIN_MS) {
      // A moment of a vowel is no tone that others could follow.
      this.sinceToneMs += tone.ms;
      return;
    }
    const steady = tone.jumps <= (tone.ms / 10) * MAX_JUMPS_SHARE;
    const callProgress = tone.hz < CALL_PROGRESS_BELOW_HZ && tone.ms >= CALL_PROGRESS_MS;
    this.candidate = steady && !callProgress && !tone.follows && tone.ms <= MAX_MS;
    this.sinceToneMs = 0;
  }

  /** The frequency that the frame consists of. */
  private pureTone(frame: Int16Array): number | undefined {
    const total = energy(frame);
    if (Math.sqrt(total / frame.length) < MIN_AMPLITUDE) return undefined;
    const found = this.bank.energies(frame);
    let best = 0;
    for (let i = 1; i < found.length; i++) if ((found[i] ?? 0) > (found[best] ?? 0)) best = i;
    return (found[best] ?? 0) >= PURITY * total ? FREQUENCIES[best] : undefined;
  }
}
