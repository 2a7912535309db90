import { concat } from './pipeline/endpointing.js';
import { ProviderError, type TextToSpeech } from './providers/ports.js';
import { type ProviderPair } from './pipeline/provider-chain.js';

export interface PresynthesizeOptions {
  voice: string | undefined;
  /** BCP 47. */
  language: string | undefined;
  /** For one speaker, milliseconds. */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
}

const TIMEOUT_MS = 20_000;
/** Five minutes at 8 kHz. */
const MOST_SAMPLES = 8_000 * 300;

/**
 * Says a whole text, before it is needed.
 * @returns PCM16 at 8 kHz, and who said it
 * @throws ProviderError when none of the speakers delivers
 */
export async function presynthesize(
  { primary, fallback }: ProviderPair<TextToSpeech>,
  text: string,
  options: PresynthesizeOptions,
): Promise<{ pcm: Int16Array; provider: string }> {
  try {
    return { pcm: await sayWith(primary, text, options), provider: primary.name };
  } catch (error) {
    if (!fallback || options.signal?.aborted) throw error;
    return { pcm: await sayWith(fallback, text, options), provider: fallback.name };
  }
}

async function sayWith(
  speaker: TextToSpeech,
  text: string,
  { voice, language, timeoutMs, signal }: PresynthesizeOptions,
) {
  const late = AbortSignal.timeout(timeoutMs ?? TIMEOUT_MS);
  const end = signal ? AbortSignal.any([late, signal]) : late;
  const parts: Int16Array[] = [];
  let samples = 0;
  try {
    for await (const pcm of speaker.synthesize(text, { voice, language, signal: end })) {
      samples += pcm.length;
      if (samples > MOST_SAMPLES) throw new ProviderError('unavailable', 'More than five minutes of speech were sent');
      parts.push(pcm);
    }
  } catch (error) {
    throw late.aborted ? new ProviderError('timeout', 'The speech took too long') : error;
  }
  if (samples === 0) throw new ProviderError('unavailable', 'No speech was sent');
  return concat(parts);
}
