import { concat, SAMPLE_RATE } from '../lib/audio/index.js';
import { ProviderError, type TextToSpeech } from './providers/ports.js';
import { type ProviderPair } from './pipeline/provider-chain.js';

export interface PresynthesizeOptions {
  voice: string | undefined;
  /** BCP 47. */
  language: string | undefined;
  /** Timeout of one provider, milliseconds. */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
}

const TIMEOUT_MS = 20_000;
/** Five minutes at 8 kHz. */
const MAX_SAMPLES = 300 * SAMPLE_RATE;

/**
 * Synthesizes a whole text before it is needed.
 * @returns PCM16 at 8 kHz, and the name of the provider
 * @throws ProviderError when both providers fail
 */
export async function presynthesize(
  { primary, fallback }: ProviderPair<TextToSpeech>,
  text: string,
  options: PresynthesizeOptions,
): Promise<{ pcm: Int16Array; provider: string }> {
  try {
    return { pcm: await synthesizeWith(primary, text, options), provider: primary.name };
  } catch (error) {
    if (!fallback || options.signal?.aborted) throw error;
    return { pcm: await synthesizeWith(fallback, text, options), provider: fallback.name };
  }
}

async function synthesizeWith(
  provider: TextToSpeech,
  text: string,
  { voice, language, timeoutMs, signal }: PresynthesizeOptions,
) {
  const timeout = AbortSignal.timeout(timeoutMs ?? TIMEOUT_MS);
  const either = signal ? AbortSignal.any([timeout, signal]) : timeout;
  const parts: Int16Array[] = [];
  let samples = 0;
  try {
    for await (const pcm of provider.synthesize(text, { voice, language, signal: either })) {
      samples += pcm.length;
      if (samples > MAX_SAMPLES) throw new ProviderError('unavailable', 'More than five minutes of speech were sent');
      parts.push(pcm);
    }
  } catch (error) {
    throw timeout.aborted ? new ProviderError('timeout', 'The speech took too long') : error;
  }
  if (samples === 0) throw new ProviderError('unavailable', 'No speech was sent');
  return concat(parts);
}
