import { type AssistantEntry } from './chat-history.js';
import { type SpokenChunk } from './spoken-text.js';

const SAMPLES_PER_MS = 8;

/** A piece of the agent's speech: its text, what has arrived of its audio, and how much of that was heard. */
export class SpeechSegment implements SpokenChunk {
  /** All of its audio has arrived. */
  complete: boolean;
  /** Samples that have arrived. */
  samples = 0;
  heardSamples = 0;
  private readonly pcm: Int16Array[] = [];
  private writtenFrom = 0;
  private writtenSamples = 0;

  constructor(
    /** May grow, where the words come along with the sound. */
    public text: string,
    readonly entry: AssistantEntry | undefined,
    audio?: Int16Array,
  ) {
    this.complete = audio !== undefined;
    if (audio) this.arrived(audio);
  }

  get ms(): number {
    return this.samples / SAMPLES_PER_MS;
  }

  get heard(): boolean {
    return this.complete && this.heardSamples >= this.samples;
  }

  arrived(pcm: Int16Array): void {
    this.pcm.push(pcm);
    this.samples += pcm.length;
  }

  /** Part of it goes on the line, at `position` samples since the last clear. */
  written(length: number, position: number): void {
    if (this.writtenSamples === 0) this.writtenFrom = position;
    this.writtenSamples += length;
  }

  /** The line was cleared, or is silent, after `played` samples since the clear before. */
  credit(played: number): void {
    this.heardSamples += Math.max(0, Math.min(played - this.writtenFrom, this.writtenSamples));
    this.writtenSamples = 0;
  }

  /** What has arrived and was not heard. */
  rest(): Int16Array[] {
    let skip = this.heardSamples;
    return this.pcm.flatMap((part) => {
      const fresh = part.subarray(Math.min(skip, part.length));
      skip -= Math.min(skip, part.length);
      return fresh.length > 0 ? [fresh] : [];
    });
  }
}
