import { resample } from '../platform/index.js';

export interface SpeechOptions {
  /** The base address of an OpenAI-compatible server, with its version: `https://api.openai.com/v1`. */
  url: string;
  apiKey: string | undefined;
  model: string;
  /** The voice when none is asked for. */
  voice: string;
  /** How long it may take to say something. */
  timeoutMs?: number;
}

/** What the server sends as `pcm`: PCM16, mono. */
const SERVER_RATE = 24_000;
const LINE_RATE = 8_000;
const TIMEOUT_MS = 20_000;
/** Five minutes of speech. */
const MAX_BYTES = SERVER_RATE * 2 * 300;

/** Turns text into speech with any server that speaks OpenAI's `POST /audio/speech`. */
export class Speech {
  constructor(private readonly options: SpeechOptions) {}

  /** @returns PCM16 at 8 kHz. @throws Error when the server does not deliver */
  async say(text: string, voice: string | undefined): Promise<Int16Array> {
    const { url, apiKey, model, timeoutMs = TIMEOUT_MS } = this.options;
    const response = await fetch(`${url.replace(/\/$/, '')}/audio/speech`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({ model, input: text, voice: voice ?? this.options.voice, response_format: 'pcm' }),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`The speech server answered ${response.status}`);
    }
    const type = response.headers.get('content-type') ?? '';
    if (/json|^text\//i.test(type)) {
      await response.body?.cancel();
      throw new Error(`The speech server sent ${type} instead of speech`);
    }
    const bytes = await readAtMost(response, MAX_BYTES);
    if (bytes.length < 2) throw new Error('The speech server sent no speech');
    // Some know no other form; as samples it would be noise.
    if (bytes.toString('latin1', 0, 4) === 'RIFF') throw new Error('The speech server sent a WAV file instead of pcm');
    const samples = new Int16Array(bytes.length >> 1);
    for (let i = 0; i < samples.length; i++) samples[i] = bytes.readInt16LE(i * 2);
    return resample(samples, SERVER_RATE, LINE_RATE);
  }
}

async function readAtMost(response: Response, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array;
    size += bytes.length;
    if (size > limit) throw new Error('The speech server sent more than five minutes of speech');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
