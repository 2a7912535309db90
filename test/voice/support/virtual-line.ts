import { type AudioPort, FRAME_MS, FRAME_SAMPLES } from '../../../src/lib/audio/index.js';
import { PlayoutQueue } from '../../../src/lib/media/rtp/playout-queue.js';

/** First sample value of the customer's texts, and of the agent's texts. */
const CUSTOMER = 2_000;
const AGENT = 10_000;

/** Speech in tests: the value of each sample is the number of its text. */
export class Vocabulary {
  private readonly texts: string[] = [];

  /** Speech of one text, `ms` long. */
  speech(text: string, ms: number, base: 'customer' | 'agent'): Int16Array {
    let index = this.texts.indexOf(text);
    if (index < 0) index = this.texts.push(text) - 1;
    return new Int16Array(ms * 8).fill((base === 'customer' ? CUSTOMER : AGENT) + index);
  }

  /** The texts in speech, in order, with their lengths in milliseconds. */
  read(pcm: Iterable<number>): { text: string; ms: number }[] {
    const found: { text: string; ms: number }[] = [];
    for (const sample of pcm) {
      const text = sample < CUSTOMER ? undefined : this.texts[sample - (sample < AGENT ? CUSTOMER : AGENT)];
      if (text === undefined) continue;
      if (found.at(-1)?.text !== text) found.push({ text, ms: 0 });
      found[found.length - 1]!.ms += 1 / 8;
    }
    return found;
  }
}

/** A line without a network, with the playout queue of the real one. Its answers come asynchronously, as from another thread. */
export class VirtualLine implements AudioPort {
  readonly vocabulary = new Vocabulary();
  /** Samples that were played, without silence. */
  readonly played: number[] = [];
  /** Times of the last played sample and of each clear, milliseconds. */
  lastPlayedMs = 0;
  readonly clearedMs: number[] = [];
  listeners = new Set<(frame: Int16Array, atMs: number) => void>();
  atMs = 0;
  private readonly queue = new PlayoutQueue();
  private incoming: Int16Array[] = [];

  listen(listener: (frame: Int16Array, atMs: number) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  write(pcm: Int16Array): void {
    this.queue.write(pcm);
  }

  mark(): Promise<'played' | 'cleared'> {
    return new Promise((resolve) => {
      this.queue.mark((outcome) => setImmediate(resolve, outcome));
    });
  }

  clear(): Promise<{ playedMs: number }> {
    this.clearedMs.push(this.atMs);
    const playedMs = this.queue.clear();
    return new Promise((resolve) => setImmediate(resolve, { playedMs }));
  }

  /** The customer says something from now on; an empty text is noise. */
  says(text: string, ms: number): void {
    this.speaks(this.vocabulary.speech(text, ms, 'customer'));
  }

  /** The customer makes this sound from now on. */
  speaks(pcm: Int16Array): void {
    for (let at = 0; at < pcm.length; at += FRAME_SAMPLES) this.incoming.push(pcm.slice(at, at + FRAME_SAMPLES));
  }

  /** Passes the next 20 ms. */
  tick(): void {
    const out = new Int16Array(FRAME_SAMPLES);
    if (this.queue.take(out)) {
      this.lastPlayedMs = this.atMs + FRAME_MS;
      for (const sample of out) if (sample !== 0) this.played.push(sample);
    }
    const frame = this.incoming.shift() ?? new Int16Array(FRAME_SAMPLES);
    const { atMs } = this;
    this.atMs += FRAME_MS;
    for (const listener of this.listeners) listener(frame, atMs);
  }

  /** The texts that the customer has heard. */
  get playedTexts(): { text: string; ms: number }[] {
    return this.vocabulary.read(this.played);
  }
}
