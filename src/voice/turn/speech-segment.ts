import { SAMPLES_PER_MS } from '../../lib/audio/index.js';
import { type AssistantEntry } from './chat-history.js';
import { type SpokenChunk } from './spoken-text.js';

/** A piece of the agent's speech: its text, the audio that has arrived, and how much of it was played. */
export class SpeechSegment implements SpokenChunk {
  /** All of its audio has arrived. */
  complete: boolean;
  /** Samples that have arrived. */
  samples = 0;
  playedSamples = 0;
  private readonly pcm: Int16Array[] = [];
  private writtenFrom = 0;
  private writtenSamples = 0;

  constructor(
    /** Grows where the text comes along with the audio. */
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

  get playedMs(): number {
    return this.playedSamples / SAMPLES_PER_MS;
  }

  get isPlayed(): boolean {
    return this.complete && this.playedSamples >= this.samples;
  }

  arrived(pcm: Int16Array): void {
    this.pcm.push(pcm);
    this.samples += pcm.length;
  }

  /** A part is written to the line, `position` samples after the last clear. */
  written(length: number, position: number): void {
    if (this.writtenSamples === 0) this.writtenFrom = position;
    this.writtenSamples += length;
  }

  /** The line was cleared or is silent, `played` samples after the clear before. */
  credit(played: number): void {
    this.playedSamples += Math.max(0, Math.min(played - this.writtenFrom, this.writtenSamples));
    this.writtenSamples = 0;
  }

  /** Audio that has arrived and was not played. */
  unplayed(): Int16Array[] {
    let skip = this.playedSamples;
    return this.pcm.flatMap((part) => {
      const fresh = part.subarray(Math.min(skip, part.length));
      skip -= Math.min(skip, part.length);
      return fresh.length > 0 ? [fresh] : [];
    });
  }
}
