import { type Emit } from '../../conversation-events.js';
import { type ConversationSettings } from '../../conversation-settings.js';
import { ProviderError, type TextToSpeech } from '../../providers/ports.js';
import { paced, type CancellationScope } from '../../cancellation-scope.js';
import { type ProviderChain } from '../provider-chain.js';

/**
 * Turns text into speech. When one breaks off, what the next one says is skipped as far as it was said already.
 * @throws StageFailed, Closed
 */
export async function synthesizeWithFallback(
  speakers: ProviderChain<TextToSpeech>,
  text: string,
  { voice, language, limits }: ConversationSettings,
  tell: Emit,
  scope: CancellationScope,
  { from, arrived }: { from: number; arrived: (pcm: Int16Array) => Promise<void> },
): Promise<void> {
  const pace = { firstMs: limits.speechFirstMs, nextMs: limits.speechNextMs };
  let samples = from;
  await speakers.run(scope, async (speaker, own) => {
    let skip = samples;
    const speech = speaker.synthesize(text, { voice, language, signal: own.signal });
    tell({ type: 'usage', usage: { stage: 'speech', provider: speaker.name, characters: text.length } });
    for await (const pcm of paced(own, speech, pace)) {
      const fresh = pcm.subarray(Math.min(skip, pcm.length));
      skip -= pcm.length - fresh.length;
      if (fresh.length === 0) continue;
      samples += fresh.length;
      await arrived(fresh);
    }
    if (samples === 0) throw new ProviderError('unavailable', 'No speech was sent');
  });
}
