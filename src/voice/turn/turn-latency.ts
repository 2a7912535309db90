import { type TurnLatency } from '../conversation-events.js';

/** Speech of the customer that the agent answers: its end, decision and transcript, milliseconds since the answer of the call. */
export interface AnsweredSpeech {
  endMs: number;
  decidedMs: number;
  transcribedMs: number;
  transcriptionMs: number;
}

/** Steps of the agent's answer, milliseconds since the answer of the call; undefined where nothing was waited for. */
export interface AnswerProgress {
  firstTokenMs: number | undefined;
  /** The first request for speech, and its first byte. */
  speechAskedMs: number | undefined;
  firstByteMs: number | undefined;
  /** First audio on the line. */
  startMs: number;
}

export function latencyOf(
  speech: AnsweredSpeech,
  { firstTokenMs, speechAskedMs: askedMs, firstByteMs, startMs }: AnswerProgress,
): TurnLatency {
  return {
    endpointingMs: speech.decidedMs - speech.endMs,
    transcriptionMs: speech.transcriptionMs,
    modelFirstTokenMs: (firstTokenMs ?? startMs) - speech.transcribedMs,
    speechFirstByteMs: (firstByteMs ?? startMs) - (askedMs ?? startMs),
    totalMs: startMs - speech.endMs,
  };
}
