/**
 * The providers of a conversation. Every request is cancelled by its signal and fails with a `ProviderError`. Audio is PCM16
 * at 8 kHz.
 */

export type ProviderFault =
  /** Unreachable, broken off, 5xx, or a malformed answer: a retry may help. */
  | 'unavailable'
  /** 429: a later retry may help. */
  | 'rate_limited'
  /** The first or the next byte came too late. */
  | 'timeout'
  /** 401, 403: a retry does not help. */
  | 'denied'
  /** 400, 404, …: the request cannot be served. */
  | 'refused';

export class ProviderError extends Error {
  override readonly name = 'ProviderError';

  constructor(
    readonly fault: ProviderFault,
    message: string,
    /** From `Retry-After`, milliseconds. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

export interface TranscriptionOptions {
  /** BCP 47; undefined when unknown. */
  language: string | undefined;
  signal: AbortSignal;
}

/** Speech to text. */
export interface SpeechToText {
  readonly name: string;
  /** The text of one utterance; empty for an utterance without words. */
  transcribe(utterance: Int16Array, options: TranscriptionOptions): Promise<Transcript>;
  /** Transcribes during the utterance, where the provider can; `transcribe` is not used then. */
  stream?(options: TranscriptionOptions): TranscriptionStream;
}

export interface Transcript {
  text: string;
  /** Seconds of audio that are billed. */
  seconds: number;
}

/** The transcription of an utterance in progress. */
export interface TranscriptionStream {
  write(frame: Int16Array): void;
  /** Ends the utterance. */
  finish(): Promise<Transcript>;
}

export type ModelMessage =
  | { role: 'system' | 'user'; content: string }
  | { role: 'assistant'; content: string; toolCalls?: ToolCall[] }
  | { role: 'tool'; toolCallId: string; content: string };

export interface ToolCall {
  id: string;
  name: string;
  /** Untrusted JSON, as the model wrote it. */
  arguments: string;
}

export interface ToolDefinition {
  name: string;
  description: string;
  /** JSON schema of the arguments. */
  parameters: object;
}

export interface ModelRequest {
  messages: readonly ModelMessage[];
  tools: readonly ToolDefinition[];
  temperature: number | undefined;
  signal: AbortSignal;
}

export type ModelEvent =
  | { type: 'text'; text: string }
  | { type: 'tool_call'; call: ToolCall }
  /** At the end, if the provider counts tokens. */
  | { type: 'usage'; inputTokens: number; outputTokens: number };

/** A streaming language model. */
export interface LanguageModel {
  readonly name: string;
  respond(options: ModelRequest): AsyncIterable<ModelEvent>;
}

export interface SynthesisOptions {
  voice: string | undefined;
  language: string | undefined;
  signal: AbortSignal;
}

/** Streaming text to speech. */
export interface TextToSpeech {
  readonly name: string;
  synthesize(text: string, options: SynthesisOptions): AsyncIterable<Int16Array>;
}

export interface RealtimeOptions {
  /** The conversation so far, instructions first. */
  messages: readonly ModelMessage[];
  tools: readonly ToolDefinition[];
  voice: string | undefined;
  language: string | undefined;
  signal: AbortSignal;
}

/** A speech-to-speech model, instead of three providers in a row. */
export interface RealtimeModel {
  readonly name: string;
  /**
   * Opens a session for a whole call. It connects at once and queues requests meanwhile.
   * @throws ProviderError for a malformed URL, or the reason of the signal when it is aborted already
   */
  connect(options: RealtimeOptions): RealtimeSession;
}

/** The conversation decides about turns. A broken session fails every request. */
export interface RealtimeSession {
  /** Audio of the customer. */
  write(frame: Int16Array): void;
  /**
   * Ends the written utterance and adds it to the conversation; its text may arrive after the answer.
   * @returns the text: empty for no speech, undefined when transcription failed
   */
  finish(): Promise<string | undefined>;
  /** Adds a message that the model did not speak, or the result of a tool. */
  add(message: ModelMessage): void;
  /** Starts a turn of the model, after the one before. */
  respond(order: RealtimeResponseOptions): RealtimeResponse;
  close(): void;
}

export interface RealtimeResponseOptions {
  /** Instructions of this turn, instead of those of the conversation. */
  instructions?: string | undefined;
  mayUseTools: boolean;
}

/** A turn of the model, to be read once. It ends when it is complete or truncated. */
export interface RealtimeResponse extends AsyncIterable<RealtimeEvent> {
  /** Stops the turn; the model keeps only the first `playedMs` milliseconds of it. */
  truncate(playedMs: number): void;
}

export type RealtimeEvent =
  | { type: 'audio'; pcm: Int16Array }
  /** The text of the audio, which may arrive earlier or later. */
  | ModelEvent;
