import { type SpeechSpan } from './endpointing.js';

/** An utterance of the customer. Times are milliseconds since the answer. */
interface UserSpeech extends Omit<SpeechSpan, 'pcm'> {
  /** When its end was decided. */
  decidedMs: number;
}

/** An utterance whose transcript is known. */
export interface RecognizedSpeech extends UserSpeech {
  /** Empty for noise. */
  text: string;
  transcribedMs: number;
  /** How long the transcription took. */
  transcriptionMs: number;
}

/** An utterance that can be answered before its transcript is known. */
export interface PendingSpeech extends UserSpeech {
  /** Empty for noise, undefined when there is no transcript. */
  text: Promise<string | undefined>;
}

/** Recognition of the customer's speech. */
export interface Recognition {
  /** The customer speaks, or a transcript is waited for. */
  readonly busy: boolean;
  /** Takes 20 ms of the line that began at `atMs`. */
  push(frame: Int16Array, atMs: number): void;
  /** Ends a begun utterance, and resolves when all transcripts have come or failed. */
  finish(): Promise<void>;
}

/** A pipeline reports each utterance once: as `recognized` or as `pending`. */
export interface RecognitionListener {
  started(): void;
  /** The customer still speaks; length of the sound so far, milliseconds. */
  continued(voicedMs: number): void;
  /** Called in the order of speech; the next call waits for the promise. */
  recognized(speech: RecognizedSpeech): Promise<void>;
  /** Called in the order of speech. */
  pending(speech: PendingSpeech): void;
  failed(error: unknown): void;
}

const PRONOUNCEABLE = /[\p{L}\p{N}]/u;

/** A transcript as text; empty for noise, which some providers transcribe as ".". */
export const speechText = (transcript: string): string => (PRONOUNCEABLE.test(transcript) ? transcript.trim() : '');
