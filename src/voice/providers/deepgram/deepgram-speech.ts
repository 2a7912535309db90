import { type LookupFunction } from 'node:net';
import { SAMPLE_RATE } from '../../../lib/audio/index.js';
import { type TextToSpeech, type SynthesisOptions } from '../ports.js';
import { addressOf } from '../http.js';
import { DEFAULT_TIMEOUTS, type ProviderTimeouts } from '../provider-timeouts.js';
import { streamSpeech } from '../speech-stream.js';

export interface DeepgramSpeechOptions {
  /** Base URL with its version: `https://api.deepgram.com/v1`. */
  baseUrl: string;
  apiKey: string | undefined;
  /** Voice of requests without one; Deepgram calls it a model. */
  voice: string;
  /** The lookup of a guard; it refuses addresses that are not public. */
  lookup?: LookupFunction | undefined;
  timeouts?: ProviderTimeouts;
}

/** Characters of one request. */
const MOST = 2_000;

/**
 * Streaming text to speech of Deepgram at the sample rate of calls. HTTP instead of a WebSocket: a sentence has an end and
 * a status, cancelling it closes the request, and the connection serves the next one.
 * https://developers.deepgram.com/reference/text-to-speech/speak-request
 */
export class DeepgramSpeech implements TextToSpeech {
  readonly name: string;

  constructor(private readonly options: DeepgramSpeechOptions) {
    this.name = `deepgram/${options.voice}`;
  }

  async *synthesize(text: string, { voice, signal }: SynthesisOptions): AsyncGenerator<Int16Array> {
    const { baseUrl, apiKey, lookup, timeouts = DEFAULT_TIMEOUTS } = this.options;
    const query = new URLSearchParams({
      model: voice ?? this.options.voice,
      encoding: 'linear16',
      sample_rate: String(SAMPLE_RATE),
      container: 'none',
    });
    for (const part of partsOf(text)) {
      const request = {
        url: `${addressOf(baseUrl, 'speak')}?${query.toString()}`,
        headers: {
          'content-type': 'application/json',
          ...(apiKey === undefined ? {} : { authorization: `Token ${apiKey}` }),
        },
        body: JSON.stringify({ text: part }),
        lookup,
      };
      yield* streamSpeech({ name: this.name, request, rate: SAMPLE_RATE, timeouts, signal });
    }
  }
}

/** Cuts between words, and inside a word only when it is longer than a request. */
export function partsOf(text: string, most = MOST): string[] {
  const parts: string[] = [];
  let rest = text.trim();
  while (rest.length > most) {
    const space = rest.lastIndexOf(' ', most);
    const at = space > most / 2 ? space : most;
    parts.push(rest.slice(0, at).trim());
    rest = rest.slice(at).trim();
  }
  return [...parts, rest];
}
