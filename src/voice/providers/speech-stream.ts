import { type IncomingMessage } from 'node:http';
import { ProviderError } from './ports.js';
import { ProviderRequest } from './provider-request.js';
import { bytesOf, post, type Post } from './http.js';
import { type ProviderTimeouts } from './provider-timeouts.js';
import { SpeechDecoder } from './speech-decoder.js';

/** Five minutes of stereo at 48 kHz are more than anybody says in one go. */
const MOST_BYTES = 60_000_000;

/** 100 ms at 24 kHz, bytes. */
const SLICE = 4_800;

export interface SpeechRequest {
  name: string;
  request: Post;
  /** Of bare PCM when the answer does not say, hertz. */
  rate: number;
  patience: ProviderTimeouts;
  signal: AbortSignal;
}

/** Asks for speech over HTTP and returns it comes. @throws ProviderError, or the reason of the signal */
export async function* streamSpeech(options: SpeechRequest): AsyncGenerator<Int16Array> {
  const { name, request, patience } = options;
  const exchange = new ProviderRequest(name, options.signal);
  try {
    exchange.expect(patience.firstMs);
    const response = await post(exchange, request);
    const decoder = new SpeechDecoder(name, rateOf(name, response) ?? options.rate);
    let samples = 0;
    for await (const bytes of bytesOf(exchange, response, MOST_BYTES)) {
      exchange.rest();
      // A little at a time: the first is spoken, and others have their turn, before the last is made.
      for (let at = 0; at < bytes.length; at += SLICE) {
        const pcm = decoder.push(bytes.subarray(at, at + SLICE));
        samples += pcm.length;
        if (pcm.length > 0) yield pcm;
      }
      exchange.expect(patience.nextMs);
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

/** The rate that the type says, as in `audio/pcm;rate=24000`. @throws ProviderError when the type is no sound of ours */
function rateOf(name: string, response: IncomingMessage): number | undefined {
  const type = response.headers['content-type'] ?? '';
  if (/json|^text\/|mpeg|mp3|ogg|opus|aac|flac|webm/i.test(type))
    throw new ProviderError('unavailable', `${name} sent something else than PCM or a WAV file`);
  const rate = Number(/;\s*rate=(\d{4,6})\b/i.exec(type)?.[1]);
  return rate >= 4_000 && rate <= 192_000 ? rate : undefined;
}
