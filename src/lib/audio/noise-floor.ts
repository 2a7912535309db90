const MIN_FLOOR = 60;
/** Steady sound above this level is a voice or music. */
const MAX_FLOOR = 400;
/** The noise level is the quietest frame of the last 1.6 s: speech has a gap in such a time, and steady noise has none. */
const BLOCK_FRAMES = 10;
const BLOCKS = 8;

/** Adapts to the noise level of a line. Frames of 20 ms; amplitudes are root mean squares of PCM16. */
export class NoiseFloor {
  private readonly quietest = [Infinity];
  private framesInBlock = 0;

  /** Adds a frame. `ignored`: the frame says nothing about the noise. @returns the noise level */
  add(amplitude: number, ignored = false): number {
    if (++this.framesInBlock > BLOCK_FRAMES) {
      this.framesInBlock = 1;
      this.quietest.unshift(Infinity);
      this.quietest.length = Math.min(this.quietest.length, BLOCKS);
    }
    if (!ignored) this.quietest[0] = Math.min(this.quietest[0] ?? Infinity, amplitude);
    return Math.max(MIN_FLOOR, Math.min(MAX_FLOOR, ...this.quietest));
  }
}

/** Root mean square of the samples. */
export function loudness(frame: Int16Array): number {
  return Math.sqrt(energy(frame) / Math.max(1, frame.length));
}

/** Sum of the squared samples. */
export function energy(samples: Int16Array): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] ?? 0;
    sum += sample * sample;
  }
  return sum;
}
