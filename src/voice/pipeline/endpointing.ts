import { concat, FRAME_MS, loudness, NoiseFloor } from '../../lib/audio/index.js';
import { ENDPOINTING, type EndpointingSettings } from '../conversation-settings.js';

/** A stretch of sound between silences. Times are milliseconds since the answer. */
export interface SpeechSpan {
  pcm: Int16Array;
  /** Begin and end of the sound; `pcm` reaches beyond both. */
  startMs: number;
  endMs: number;
  /** Length of the sound in it, milliseconds. */
  voicedMs: number;
}

/** Digital silence up to this length conceals lost packets, and does not count as the noise level. */
const CONCEALED_FRAMES = 15;

/** Finds where the customer's speech starts and ends, by loudness over an adaptive noise floor. Frames of 20 ms. */
export class Endpointing {
  speaking = false;
  /** Length of the sound since the utterance began, milliseconds. */
  voicedMs = 0;
  private readonly settings: EndpointingSettings;
  private readonly ratio: number;
  private readonly floor = new NoiseFloor();
  /** Frames of digital silence in a row. */
  private silentFrames = 0;
  private quietMs = 0;
  private frames: Int16Array[] = [];
  private startMs = 0;
  private endMs = 0;

  constructor(settings: Partial<EndpointingSettings> = {}) {
    this.settings = { ...ENDPOINTING, ...settings };
    this.ratio = 5 - 4 * Math.min(1, Math.max(0, this.settings.sensitivity));
  }

  /** `atMs` is the begin of the frame. After `ended`, `take` returns the utterance. */
  push(frame: Int16Array, atMs: number): 'started' | 'ended' | undefined {
    const amplitude = loudness(frame);
    this.silentFrames = amplitude === 0 ? this.silentFrames + 1 : 0;
    const isConcealed = this.silentFrames > 0 && this.silentFrames <= CONCEALED_FRAMES;
    const voiced = amplitude > this.floor.add(amplitude, isConcealed) * this.ratio;
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
    return this.speaking ? this.endIfDue() : this.startIfDue();
  }

  /** The utterance that has just ended. */
  take(): SpeechSpan {
    const { startMs, endMs, voicedMs, frames } = this;
    this.frames = [];
    this.voicedMs = 0;
    return { pcm: concat(frames), startMs, endMs, voicedMs };
  }

  /** Ends the utterance. @returns the utterance so far */
  stop(): SpeechSpan {
    this.speaking = false;
    return this.take();
  }

  /** Audio of the utterance so far, with the pre-roll. */
  soFar(): Int16Array {
    return concat(this.frames);
  }

  private startIfDue(): 'started' | undefined {
    const { startMs, preRollMs } = this.settings;
    if (this.voicedMs >= startMs) {
      this.speaking = true;
      return 'started';
    }
    // Sound that may become speech is kept in addition to the pre-roll.
    const keep = Math.max(1, Math.ceil((preRollMs + this.voicedMs) / FRAME_MS));
    while (this.frames.length > keep) this.frames.shift();
    return undefined;
  }

  private endIfDue(): 'ended' | undefined {
    const { silenceMs, maxUtteranceMs } = this.settings;
    if (this.quietMs < silenceMs && this.frames.length * FRAME_MS < maxUtteranceMs) return undefined;
    this.speaking = false;
    return 'ended';
  }
}
