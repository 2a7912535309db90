/** Both directions of an open line, for RTP and the media streams of vendors alike (docs/design.md, "Telephony"). */
export interface AudioPort {
  /**
   * Passes received audio to the listener in frames of 20 ms from the answer on, silence included. `atMs` counts from the
   * answer. The listener may keep the frame. @returns the function that removes the listener
   */
  listen(listener: (frame: Int16Array, atMs: number) => void): () => void;
  /** Queues audio of any length. The line sends nothing before the answer. */
  write(pcm: Int16Array): void;
  /** Resolves when the audio queued before it was played or cleared, or when the line closes. */
  mark(): Promise<'played' | 'cleared'>;
  /** Removes the audio that is still queued. `playedMs`: audio played since the previous clear or the answer. */
  clear(): Promise<{ playedMs: number }>;
}
