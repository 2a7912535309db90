import { type IncomingMessage } from 'node:http';
import { ProviderError } from './ports.js';
import { ProviderRequest } from './provider-request.js';
import { bytesOf, post, type PostRequest } from './http.js';
import { type ProviderTimeouts } from './provider-timeouts.js';
import { SpeechDecoder } from './speech-decoder.js';

/** Five minutes of stereo at 48 kHz. */
const MAX_BYTES = 60_000_000;

/** Bytes of 100 ms at 24 kHz. */
const SLICE = 4_800;

export interface SpeechRequest {
  name: string;
  request: PostRequest;
  /** Sample rate of bare PCM without a rate in the answer, hertz. */
  rate: number;
  timeouts: ProviderTimeouts;
  signal: AbortSignal;
}

/** Requests speech over HTTP and yields it arrives. @throws ProviderError, or the reason of the signal */
export async function* streamSpeech(options: SpeechRequest): AsyncGenerator<Int16Array> {
  const { name, request, timeouts } = options;
  const exchange = new ProviderRequest(name, options.signal);
  try {
    exchange.expect(timeouts.firstMs);
    const response = await post(exchange, request);
    const decoder = new SpeechDecoder(name, rateOf(name, response) ?? options.rate);
    let samples = 0;
    for await (const bytes of bytesOf(exchange, response, MAX_BYTES)) {
      exchange.rest();
      // Small parts: the first one plays, and other calls run, before the last one is decoded.
      for (let at = 0; at < bytes.length; at += SLICE) {
        const pcm = decoder.push(bytes.subarray(at, at + SLICE));
        samples += pcm.length;
        if (pcm.length > 0) yield pcm;
      }
      exchange.expect(timeouts.nextMs);
    }
    exchange.rest();
    const rest = decoder.end();
    if (samples + rest.length === 0) throw new ProviderError('unavailable', `${name} sent no speech`);
    if (rest.length > 0) yield rest;
  } catch (error) {
    throw exchange.failure(error);
  } finally {
    exchange.end();
  }
}

/** The sample rate of a media type such as `audio/pcm;rate=24000`. @throws ProviderError for an unsupported type */
function rateOf(name: string, response: IncomingMessage): number | undefined {
  const type = response.headers['content-type'] ?? '';
  if (/json|^text\/|mpeg|mp3|ogg|opus|aac|flac|webm/i.test(type))
    throw new ProviderError('unavailable', `${name} sent something else than PCM or a WAV file`);
  const rate = Number(/;\s*rate=(\d{4,6})\b/i.exec(type)?.[1]);
  return rate >= 4_000 && rate <= 192_000 ? rate : undefined;
}
