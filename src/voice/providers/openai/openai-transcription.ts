import { type LookupFunction } from 'node:net';
import { SAMPLE_RATE, wavHeader } from '../../../lib/audio/index.js';
import { ProviderError, type Transcript, type TranscriptionOptions, type SpeechToText } from '../ports.js';
import { ProviderRequest } from '../provider-request.js';
import { addressOf, bearer, bytesOf, post } from '../http.js';
import { isRecord, parseJson } from '../json.js';
import { DEFAULT_TIMEOUTS, type ProviderTimeouts } from '../provider-timeouts.js';

export interface OpenAiTranscriptionOptions {
  /** Base URL with its version: `https://api.openai.com/v1`. */
  baseUrl: string;
  apiKey: string | undefined;
  model: string;
  /** The lookup of a guard; it refuses addresses that are not public. */
  lookup?: LookupFunction | undefined;
  timeouts?: ProviderTimeouts;
}

const MAX_BYTES = 1_000_000;

/**
 * Speech to text of any server with OpenAI's `POST /audio/transcriptions`.
 * https://platform.openai.com/docs/api-reference/audio/createTranscription
 */
export class OpenAiTranscription implements SpeechToText {
  readonly name: string;

  constructor(private readonly options: OpenAiTranscriptionOptions) {
    this.name = `openai/${options.model}`;
  }

  async transcribe(utterance: Int16Array, { language, signal }: TranscriptionOptions): Promise<Transcript> {
    const { baseUrl, apiKey, lookup, timeouts = DEFAULT_TIMEOUTS } = this.options;
    if (utterance.length === 0) return { text: '', seconds: 0 };
    const exchange = new ProviderRequest(this.name, signal);
    try {
      exchange.expect(timeouts.firstMs);
      const response = await post(exchange, {
        url: addressOf(baseUrl, 'audio/transcriptions'),
        lookup,
        ...(await encode(this.form(utterance, language), bearer(apiKey))),
      });
      const chunks: Uint8Array[] = [];
      for await (const bytes of bytesOf(exchange, response, MAX_BYTES)) {
        chunks.push(bytes);
        exchange.expect(timeouts.nextMs);
      }
      return this.read(Buffer.concat(chunks).toString(), utterance.length / SAMPLE_RATE);
    } catch (error) {
      throw exchange.failure(error);
    } finally {
      exchange.end();
    }
  }

  private form(utterance: Int16Array, language: string | undefined): FormData {
    const form = new FormData();
    form.append('file', new Blob([wavOf(utterance)], { type: 'audio/wav' }), 'utterance.wav');
    form.append('model', this.options.model);
    form.append('response_format', 'json');
    // The API takes ISO 639-1.
    const primary = language?.split('-')[0]?.toLowerCase();
    if (primary !== undefined && /^[a-z]{2,3}$/.test(primary)) form.append('language', primary);
    return form;
  }

  private read(body: string, seconds: number): Transcript {
    const answer = parseJson(body);
    if (!isRecord(answer) || typeof answer['text'] !== 'string')
      throw new ProviderError('unavailable', `${this.name} sent no transcript`);
    const usage = answer['usage'];
    const billed = isRecord(usage) ? usage['seconds'] : undefined;
    const known = typeof billed === 'number' && Number.isFinite(billed) && billed >= 0;
    return { text: answer['text'].trim(), seconds: known ? billed : seconds };
  }
}

/** The form as `multipart/form-data` with its boundary. */
async function encode(form: FormData, headers: Record<string, string>) {
  const encoded = new Response(form);
  const type = encoded.headers.get('content-type') ?? '';
  return { headers: { ...headers, 'content-type': type }, body: Buffer.from(await encoded.arrayBuffer()) };
}

function wavOf(samples: Int16Array): Buffer<ArrayBuffer> {
  const file = Buffer.from(new ArrayBuffer(44 + samples.length * 2));
  wavHeader(samples.length * 2, 1).copy(file);
  for (let i = 0; i < samples.length; i++) file.writeInt16LE(samples[i] ?? 0, 44 + i * 2);
  return file;
}
