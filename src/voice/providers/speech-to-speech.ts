/** A proposal for `ports.ts`: a model that hears and speaks itself, instead of three providers in a row. */
import { type ToolCall, type ToolDefinition } from '../ports.js';

export interface ConverseOptions {
  /** What the system message is to a language model. */
  instructions: string;
  tools: readonly ToolDefinition[];
  voice: string | undefined;
  language: string | undefined;
  signal: AbortSignal;
}

export interface SpeechToSpeech {
  readonly name: string;
  /** For a whole call. */
  converse(options: ConverseOptions): Conversation;
}

/** Whose turn it is remains the engine's decision. */
export interface Conversation {
  /** What is heard: PCM16 at 8 kHz. */
  write(frame: Int16Array): void;
  /** The utterance that was written is over (`heard`), or nothing was said: the model has its turn. */
  respond(heard: boolean): void;
  /** Then `respond(false)`. */
  giveResult(callId: string, content: string): void;
  /** Stops the turn of the model, of which only so many milliseconds were played. */
  interrupt(playedMs: number): void;
  /** Until it is closed. Ends with a `ProviderError`, or the reason of the signal. To be read once. */
  readonly events: AsyncIterable<SpeechEvent>;
  close(): void;
}

export type SpeechEvent =
  /** PCM16 at 8 kHz. */
  | { type: 'audio'; pcm: Int16Array }
  /** The words of the audio, as they come. */
  | { type: 'text'; text: string }
  /** What the other one said; may come after the answer has begun. */
  | { type: 'heard'; text: string }
  | { type: 'tool_call'; call: ToolCall }
  | { type: 'usage'; inputTokens: number; outputTokens: number }
  /** The turn of the model is over, also one that was interrupted. */
  | { type: 'done' };
