import { type LookupFunction } from 'node:net';
import { SAMPLE_RATE } from '../../../lib/audio/index.js';
import {
  type Transcript,
  type TranscriptionOptions,
  type TranscriptionStream,
  ProviderError,
  type SpeechToText,
} from '../ports.js';
import { addressOf } from '../http.js';
import { isRecord, listOf, parseJson } from '../json.js';
import { DEFAULT_TIMEOUTS, type ProviderTimeouts } from '../provider-timeouts.js';
import { ProviderSocket } from '../provider-socket.js';

export interface DeepgramTranscriptionOptions {
  /** Base URL with its version: `https://api.deepgram.com/v1`. */
  baseUrl: string;
  apiKey: string | undefined;
  model: string;
  /** The lookup of a guard; it refuses addresses that are not public. */
  lookup?: LookupFunction | undefined;
  timeouts?: ProviderTimeouts;
}

/** Characters of one utterance. */
const MAX_TEXT = 100_000;

/**
 * Streaming speech to text of Deepgram: one WebSocket for each utterance.
 * https://developers.deepgram.com/reference/speech-to-text/listen-streaming
 */
export class DeepgramTranscription implements SpeechToText {
  readonly name: string;

  constructor(private readonly options: DeepgramTranscriptionOptions) {
    this.name = `deepgram/${options.model}`;
  }

  async transcribe(utterance: Int16Array, options: TranscriptionOptions): Promise<Transcript> {
    if (utterance.length === 0) return { text: '', seconds: 0 };
    const listening = this.stream(options);
    listening.write(utterance);
    return listening.finish();
  }

  /** Never throws; `finish` rejects with the failure. */
  stream({ language, signal }: TranscriptionOptions): TranscriptionStream {
    const { baseUrl, apiKey, model, lookup, timeouts = DEFAULT_TIMEOUTS } = this.options;
    const query = new URLSearchParams({
      model,
      encoding: 'linear16',
      sample_rate: String(SAMPLE_RATE),
      channels: '1',
      interim_results: 'true',
      smart_format: 'true',
      // The conversation decides where an utterance ends.
      endpointing: 'false',
      ...(language === undefined ? {} : { language }),
    });
    const headers: Record<string, string> = apiKey === undefined ? {} : { authorization: `Token ${apiKey}` };
    const url = `${addressOf(baseUrl.replace(/^http/, 'ws'), 'listen')}?${query.toString()}`;
    return new DeepgramListening({ name: this.name, url, headers, lookup, signal, timeouts });
  }
}

interface StreamOptions {
  name: string;
  url: string;
  headers: Record<string, string>;
  lookup: LookupFunction | undefined;
  signal: AbortSignal;
  timeouts: ProviderTimeouts;
}

class DeepgramListening implements TranscriptionStream {
  private readonly socket: ProviderSocket | undefined;
  private readonly heard: Promise<Transcript>;
  private settle: { resolve: (heard: Transcript) => void; reject: (failure: Error) => void };
  private samples = 0;
  private text = '';
  private finishing = false;

  constructor(private readonly options: StreamOptions) {
    this.heard = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    // A cancelled stream needs no result.
    this.heard.catch(() => undefined);
    const { name, url, headers, lookup, signal, timeouts } = options;
    try {
      this.socket = new ProviderSocket({
        name,
        url,
        headers,
        lookup,
        signal,
        openMs: timeouts.firstMs,
        onText: (text) => {
          this.take(text);
        },
        onEnd: (failure) => {
          if (failure !== undefined) this.settle.reject(failure as Error);
          else if (this.finishing) this.resolve();
          else this.settle.reject(new ProviderError('unavailable', `${name} stopped listening`));
        },
      });
    } catch (error) {
      this.settle.reject(error as Error);
    }
  }

  write(frame: Int16Array): void {
    if (this.finishing) return;
    this.samples += frame.length;
    const bytes = Buffer.alloc(frame.length * 2);
    for (let i = 0; i < frame.length; i++) bytes.writeInt16LE(frame[i] ?? 0, i * 2);
    // Deepgram takes an empty message for the end of the stream.
    if (bytes.length > 0) this.socket?.send(bytes);
  }

  finish(): Promise<Transcript> {
    if (!this.finishing) {
      this.finishing = true;
      // Finalize returns the pending text at once; CloseStream is answered even without any text.
      this.socket?.send('{"type":"Finalize"}');
      this.socket?.send('{"type":"CloseStream"}');
      this.socket?.expect(this.options.timeouts.firstMs);
    }
    return this.heard;
  }

  private take(message: string): void {
    const data = parseJson(message);
    if (!isRecord(data)) {
      this.fail('sent something that makes no sense');
      return;
    }
    if (data['type'] === 'Results') this.takeResults(data);
    else if (data['type'] === 'Error') this.fail('failed while it listened');
    else if (data['type'] === 'Metadata' && this.finishing) this.resolve();
  }

  private takeResults(data: Record<string, unknown>): void {
    if (this.finishing) this.socket?.expect(this.options.timeouts.nextMs);
    if (data['is_final'] !== true) return;
    const channel = data['channel'];
    const best = listOf(isRecord(channel) ? channel['alternatives'] : undefined)[0];
    const transcript = isRecord(best) ? best['transcript'] : undefined;
    if (typeof transcript !== 'string') {
      this.fail('sent results without a transcript');
      return;
    }
    this.text = `${this.text} ${transcript}`.trim();
    if (this.text.length > MAX_TEXT) this.fail('heard more than anybody says');
    else if (this.finishing && data['from_finalize'] === true) this.resolve();
  }

  private resolve(): void {
    this.socket?.close();
    this.settle.resolve({ text: this.text, seconds: this.samples / SAMPLE_RATE });
  }

  private fail(what: string): void {
    this.socket?.close();
    this.settle.reject(new ProviderError('unavailable', `${this.options.name} ${what}`));
  }
}
