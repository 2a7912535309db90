import { withReadTimeouts, type CancellationScope } from '../../cancellation-scope.js';
import { type Emit } from '../../conversation-events.js';
import { type ConversationSettings } from '../../conversation-settings.js';
import { ProviderError, type TextToSpeech } from '../../providers/ports.js';
import { type ProviderChain } from '../provider-chain.js';

/** Turns text into speech with a chain of providers. */
export class SpeechSynthesis {
  constructor(
    private readonly settings: ConversationSettings,
    private readonly providers: ProviderChain<TextToSpeech>,
    private readonly emit: Emit,
  ) {}

  /**
   * Passes speech on from sample `from` on. After a retry or a fallback, the samples that were passed on are skipped.
   * @throws StageFailed, Cancelled
   */
  async run(
    text: string,
    scope: CancellationScope,
    { from, arrived }: { from: number; arrived: (pcm: Int16Array) => Promise<void> },
  ): Promise<void> {
    const { voice, language, timeouts: limits } = this.settings;
    const pace = { firstMs: limits.speechFirstMs, nextMs: limits.speechNextMs };
    let samples = from;
    await this.providers.run(scope, async (provider, own) => {
      let skip = samples;
      const speech = provider.synthesize(text, { voice, language, signal: own.signal });
      this.emit({ type: 'usage', usage: { stage: 'speech', provider: provider.name, characters: text.length } });
      for await (const pcm of withReadTimeouts(own, speech, pace)) {
        const fresh = pcm.subarray(Math.min(skip, pcm.length));
        skip -= pcm.length - fresh.length;
        if (fresh.length === 0) continue;
        samples += fresh.length;
        await arrived(fresh);
      }
      if (samples === 0) throw new ProviderError('unavailable', 'No speech was sent');
    });
  }
}
