/**
 * What a conversation needs of those who hear, think and speak. Every request can be given up through its signal, and
 * fails with a `ProviderError`. Audio is PCM16 at 8 kHz.
 */

export type ProviderFault =
  /** Not reached, broken off, 5xx, or an answer that makes no sense: once more may help. */
  | 'unavailable'
  /** 429: once more may help, later. */
  | 'rate_limited'
  /** The first byte, or the next one, took too long. */
  | 'timeout'
  /** 401, 403: once more does not help. */
  | 'denied'
  /** 400, 404, …: what was asked for cannot be had. */
  | 'refused';

export class ProviderError extends Error {
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
  /** BCP 47, when it is known. */
  language: string | undefined;
  signal: AbortSignal;
}

/** Speech to text. */
export interface SpeechToText {
  readonly name: string;
  /** What was said in one utterance; empty when nothing was. */
  transcribe(utterance: Int16Array, options: TranscriptionOptions): Promise<Transcript>;
  /** Hears while somebody speaks, where the provider can; then `transcribe` is not used. */
  stream?(options: TranscriptionOptions): TranscriptionStream;
}

export interface Transcript {
  text: string;
  /** Seconds of audio that are billed. */
  seconds: number;
}

/** An utterance that is being heard as it is spoken. */
export interface TranscriptionStream {
  write(frame: Int16Array): void;
  /** The utterance is over. */
  finish(): Promise<Transcript>;
}

export type ModelMessage =
  | { role: 'system' | 'user'; content: string }
  | { role: 'assistant'; content: string; toolCalls?: ToolCall[] }
  | { role: 'tool'; toolCallId: string; content: string };

export interface ToolCall {
  id: string;
  name: string;
  /** JSON, as the model wrote it: not to be trusted. */
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
  /** At the end, where the provider counts. */
  | { type: 'usage'; inputTokens: number; outputTokens: number };

/** A language model, streaming. */
export interface LanguageModel {
  readonly name: string;
  respond(options: ModelRequest): AsyncIterable<ModelEvent>;
}

export interface SynthesisOptions {
  voice: string | undefined;
  language: string | undefined;
  signal: AbortSignal;
}

/** Text to speech, streaming. */
export interface TextToSpeech {
  readonly name: string;
  synthesize(text: string, options: SynthesisOptions): AsyncIterable<Int16Array>;
}

export interface RealtimeOptions {
  /** What was said before, the instructions first; empty but for these at the beginning of a call. */
  messages: readonly ModelMessage[];
  tools: readonly ToolDefinition[];
  voice: string | undefined;
  language: string | undefined;
  signal: AbortSignal;
}

/** A model that hears and speaks itself, instead of three providers in a row. */
export interface RealtimeModel {
  readonly name: string;
  /**
   * For a whole call; connects at once, and what is asked for meanwhile waits.
   * @throws ProviderError for an address that is none, or the reason of the signal when it is given up already
   */
  connect(options: RealtimeOptions): RealtimeSession;
}

/** Whose turn it is remains the engine's decision. Once it is broken, it fails whatever is asked of it. */
export interface RealtimeSession {
  /** What the customer says, as it comes. */
  write(frame: Int16Array): void;
  /**
   * The utterance that was written is over. The model knows it from now on; its text may come later than the answer.
   * @returns what was said: empty when it was no speech, undefined when that could not be told
   */
  finish(): Promise<string | undefined>;
  /** Adds what was said without its doing, or the result of a tool. */
  add(message: ModelMessage): void;
  /** The model has its turn, once the one before is over. */
  respond(order: RealtimeResponseOptions): RealtimeResponse;
  close(): void;
}

export interface RealtimeResponseOptions {
  /** For this turn, instead of those of the conversation. */
  instructions?: string | undefined;
  mayUseTools: boolean;
}

/** A turn of the model, to be read once. Ends when all of it is there, or when it was cut. */
export interface RealtimeResponse extends AsyncIterable<RealtimeEvent> {
  /** Stops it, and the model forgets all but what was played of it: so many milliseconds. */
  truncate(playedMs: number): void;
}

export type RealtimeEvent =
  | { type: 'audio'; pcm: Int16Array }
  /** The words of the audio, which may come earlier or later. */
  | ModelEvent;
