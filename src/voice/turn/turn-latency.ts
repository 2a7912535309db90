import { type TurnLatency } from '../conversation-events.js';

/** What the agent answers to: when it was said and understood, milliseconds since the answer. */
export interface Cause {
  endMs: number;
  decidedMs: number;
  transcribedMs: number;
  transcriptionMs: number;
}

/** When the answer came, milliseconds since the answer of the call; undefined: that was not waited for. */
export interface Progress {
  firstTokenMs: number | undefined;
  /** Speech was asked for, and its first byte came. */
  askedMs: number | undefined;
  firstByteMs: number | undefined;
  /** First audio on the line. */
  startMs: number;
}

export function latencyOf(cause: Cause, { firstTokenMs, askedMs, firstByteMs, startMs }: Progress): TurnLatency {
  return {
    endpointingMs: cause.decidedMs - cause.endMs,
    transcriptionMs: cause.transcriptionMs,
    modelFirstTokenMs: (firstTokenMs ?? startMs) - cause.transcribedMs,
    speechFirstByteMs: (firstByteMs ?? startMs) - (askedMs ?? startMs),
    totalMs: startMs - cause.endMs,
  };
}
