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

export interface HearOptions {
  /** BCP 47, when it is known. */
  language: string | undefined;
  signal: AbortSignal;
}

/** Speech to text. */
export interface Transcriber {
  readonly name: string;
  /** What was said in one utterance; empty when nothing was. */
  transcribe(utterance: Int16Array, options: HearOptions): Promise<Heard>;
  /** Hears while somebody speaks, where the provider can; then `transcribe` is not used. */
  listen?(options: HearOptions): Listening;
}

export interface Heard {
  text: string;
  /** Seconds of audio that are billed. */
  seconds: number;
}

/** An utterance that is being heard as it is spoken. */
export interface Listening {
  write(frame: Int16Array): void;
  /** The utterance is over. */
  finish(): Promise<Heard>;
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

export interface ThinkOptions {
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
  respond(options: ThinkOptions): AsyncIterable<ModelEvent>;
}

export interface SpeakOptions {
  voice: string | undefined;
  language: string | undefined;
  signal: AbortSignal;
}

/** Text to speech, streaming. */
export interface Speaker {
  readonly name: string;
  speak(text: string, options: SpeakOptions): AsyncIterable<Int16Array>;
}
