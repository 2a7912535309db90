import { type LookupFunction } from 'node:net';
import { type TextToSpeech, type SynthesisOptions } from '../ports.js';
import { addressOf, bearer } from '../http.js';
import { DEFAULT_TIMEOUTS, type ProviderTimeouts } from '../provider-timeouts.js';
import { streamSpeech } from '../speech-stream.js';

export interface OpenAiSpeechOptions {
  /** Base URL with its version: `https://api.openai.com/v1`. */
  baseUrl: string;
  apiKey: string | undefined;
  model: string;
  /** Voice of requests without one. */
  voice: string;
  /** The lookup of a guard; it refuses addresses that are not public. */
  lookup?: LookupFunction | undefined;
  timeouts?: ProviderTimeouts;
}

/** Sample rate of the format `pcm` (PCM16, little-endian, mono), hertz. */
const SERVER_RATE = 24_000;

/**
 * Streaming text to speech of any server with OpenAI's `POST /audio/speech`.
 * https://platform.openai.com/docs/api-reference/audio/createSpeech
 */
export class OpenAiSpeech implements TextToSpeech {
  readonly name: string;

  constructor(private readonly options: OpenAiSpeechOptions) {
    this.name = `openai/${options.model}`;
  }

  synthesize(text: string, { voice, signal }: SynthesisOptions): AsyncIterable<Int16Array> {
    const { baseUrl, apiKey, model, lookup, timeouts = DEFAULT_TIMEOUTS } = this.options;
    const request = {
      url: addressOf(baseUrl, 'audio/speech'),
      headers: { 'content-type': 'application/json', ...bearer(apiKey) },
      body: JSON.stringify({ model, input: text, voice: voice ?? this.options.voice, response_format: 'pcm' }),
      lookup,
    };
    return streamSpeech({ name: this.name, request, rate: SERVER_RATE, timeouts, signal });
  }
}
