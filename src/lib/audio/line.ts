/** What a conversation needs of an open line: PCM16 at 8 kHz in both directions (design.md, "Telephony"). */
export interface ConversationLine {
  /** Tells what is heard, 20 ms at a time; `atMs` counts from the answer. Returns how to stop listening. */
  listen(listener: (frame: Int16Array, atMs: number) => void): () => void;
  /** Queues speech. */
  write(pcm: Int16Array): void;
  /** Resolves when all that was written before it has been played, or was cleared. */
  mark(): Promise<'played' | 'cleared'>;
  /** Drops what has not been played yet. */
  clear(): Promise<{ playedMs: number }>;
}
