/** Settings of `Endpointing`. */
export interface EndpointingSettings {
  /** Quiet for so long, milliseconds, and the customer is taken to have finished. */
  silenceMs: number;
  /** Sound for so long, milliseconds, and the customer is taken to speak. */
  startMs: number;
  /** 0 (only loud speech) to 1 (also faint speech, and more noise). */
  sensitivity: number;
  /** What is kept from before the start was known, milliseconds: the first syllable. */
  preRollMs: number;
  /**
   * An utterance is over after so long, milliseconds; what follows is the next one, and the two are answered as one.
   * Music and steady noise keep the agent from speaking for as long.
   */
  maxUtteranceMs: number;
}

export const ENDPOINTING: EndpointingSettings = {
  silenceMs: 500,
  startMs: 80,
  sensitivity: 0.5,
  preRollMs: 300,
  maxUtteranceMs: 30_000,
};

/** Times are milliseconds since the answer. */
export interface SpeechSpan {
  pcm: Int16Array;
  /** Where sound began and where it ended; `pcm` reaches beyond both. */
  startMs: number;
  endMs: number;
  /** How much of it was sound. */
  voicedMs: number;
}

export const FRAME_MS = 20;
const LOWEST_FLOOR = 60;
/** A louder "noise" is a voice or music. */
const HIGHEST_FLOOR = 400;
/** The noise is the quietest frame of the last 1.6 s: no speech is without a gap for so long, and steady noise has none. */
const BLOCK_FRAMES = 10;
const BLOCKS = 8;
/** No line is without any noise: silence so short was put in the place of lost packets, and says nothing of the noise. */
const MADE_UP_FRAMES = 15;

/** Finds where the customer's speech starts and ends, by loudness over an adaptive noise floor. Frames of 20 ms. */
export class Endpointing {
  speaking = false;
  /** Sound since the utterance began, milliseconds. */
  voicedMs = 0;
  private readonly settings: EndpointingSettings;
  private readonly ratio: number;
  private readonly quietest = [Infinity];
  private framesInBlock = 0;
  /** Frames of nothing in a row. */
  private empty = 0;
  private quietMs = 0;
  private frames: Int16Array[] = [];
  private startMs = 0;
  private endMs = 0;

  constructor(settings: Partial<EndpointingSettings> = {}) {
    this.settings = { ...ENDPOINTING, ...settings };
    this.ratio = 5 - 4 * Math.min(1, Math.max(0, this.settings.sensitivity));
  }

  /** `atMs`: when the frame began. After `ended`, `take` returns what was said. */
  push(frame: Int16Array, atMs: number): 'started' | 'ended' | undefined {
    const amplitude = loudness(frame);
    const voiced = amplitude > this.floor(amplitude) * this.ratio;
    this.frames.push(frame);
    if (voiced) {
      if (this.voicedMs === 0) this.startMs = atMs;
      this.voicedMs += FRAME_MS;
      this.quietMs = 0;
      this.endMs = atMs + FRAME_MS;
    } else {
      this.quietMs += FRAME_MS;
      if (!this.speaking) this.voicedMs = Math.max(0, this.voicedMs - FRAME_MS);
    }
    return this.speaking ? this.ends() : this.starts();
  }

  /** The utterance that has just ended. */
  take(): SpeechSpan {
    const { startMs, endMs, voicedMs, frames } = this;
    this.frames = [];
    this.voicedMs = 0;
    return { pcm: concat(frames), startMs, endMs, voicedMs };
  }

  /** Nothing more comes. @returns the utterance so far */
  stop(): SpeechSpan {
    this.speaking = false;
    return this.take();
  }

  /** What is kept of the utterance so far, the part before its start included. */
  soFar(): Int16Array {
    return concat(this.frames);
  }

  private starts(): 'started' | undefined {
    const { startMs, preRollMs } = this.settings;
    if (this.voicedMs >= startMs) {
      this.speaking = true;
      return 'started';
    }
    // Sound that is not yet known to be speech is kept whole, whatever the pre-roll.
    const keep = Math.max(1, Math.ceil((preRollMs + this.voicedMs) / FRAME_MS));
    while (this.frames.length > keep) this.frames.shift();
    return undefined;
  }

  private ends(): 'ended' | undefined {
    const { silenceMs, maxUtteranceMs } = this.settings;
    if (this.quietMs < silenceMs && this.frames.length * FRAME_MS < maxUtteranceMs) return undefined;
    this.speaking = false;
    return 'ended';
  }

  private floor(amplitude: number): number {
    if (++this.framesInBlock > BLOCK_FRAMES) {
      this.framesInBlock = 1;
      this.quietest.unshift(Infinity);
      this.quietest.length = Math.min(this.quietest.length, BLOCKS);
    }
    this.empty = amplitude === 0 ? this.empty + 1 : 0;
    if (this.empty === 0 || this.empty > MADE_UP_FRAMES)
      this.quietest[0] = Math.min(this.quietest[0] ?? Infinity, amplitude);
    return Math.max(LOWEST_FLOOR, Math.min(HIGHEST_FLOOR, ...this.quietest));
  }
}

function loudness(frame: Int16Array): number {
  let energy = 0;
  for (const sample of frame) energy += sample * sample;
  return Math.sqrt(energy / Math.max(1, frame.length));
}

export function concat(parts: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
