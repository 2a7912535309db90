/** Audio is PCM16 at 8 kHz in frames of 20 ms, whatever is on the wire. */
export { SAMPLE_RATE } from './sample-rate.js';
export const FRAME_MS = 20;
export const FRAME_SAMPLES = 160;

/**
 * The two ends of an open line, as whoever converses on it sees them. The four verbs fit RTP and the media streams of
 * vendors alike (design.md, "Telephony").
 */
export interface AudioPort {
  /**
   * Tells what is heard, 20 ms at a time, silence included, from the answer on. `atMs` counts from the answer. The frame
   * is the listener's to keep. Returns how to stop listening.
   */
  listen(listener: (frame: Int16Array, atMs: number) => void): () => void;
  /** Queues speech, of any length, after what is queued already. Nothing is sent before the answer. */
  write(pcm: Int16Array): void;
  /** Resolves when all that was written before it has been played, or was cleared; also when the line is closed. */
  mark(): Promise<'played' | 'cleared'>;
  /** Drops what has not been played yet. `playedMs`: how much was played since the last clear or the answer. */
  clear(): Promise<{ playedMs: number }>;
}
