import { type UtteranceSource, scripted } from '../turn/agent-turn.js';
import { congestionTone } from '../../lib/audio/index.js';
import { type Emit } from '../conversation-events.js';
import { type ConversationSettings } from '../conversation-settings.js';
import { concat } from './endpointing.js';
import { type TextToSpeech } from '../providers/ports.js';
import { Cancelled, type CancellationScope } from '../cancellation-scope.js';
import { synthesizeWithFallback } from './cascade/speech-synthesis.js';
import { type ProviderChain, StageFailed } from './provider-chain.js';

/**
 * What is said when a provider has failed: synthesised beforehand, as nobody may be there to speak when it is needed. Where
 * nobody ever was, a tone tells that something is wrong: silence would be waited on.
 */
export class FailureMessage {
  private audio: Int16Array | undefined;

  constructor(
    private readonly settings: ConversationSettings,
    private readonly speakers: ProviderChain<TextToSpeech>,
    private readonly tell: Emit,
  ) {
    this.audio = settings.apology.audio;
  }

  /** Resolves when it is ready, or cannot be made: the stage has told why, and there will be a tone instead. */
  async prepare(scope: CancellationScope): Promise<void> {
    const { text } = this.settings.apology;
    if (this.audio || !text) return;
    const parts: Int16Array[] = [];
    const arrived = (pcm: Int16Array): Promise<void> => {
      parts.push(pcm);
      return Promise.resolve();
    };
    try {
      await synthesizeWithFallback(this.speakers, text, this.settings, this.tell, scope, { from: 0, arrived });
      this.audio = concat(parts);
    } catch (error) {
      if (!(error instanceof StageFailed || error instanceof Cancelled)) throw error;
    }
  }

  /** undefined: none is wanted. `canSpeak`: somebody can, should it not be ready. */
  produce(canSpeak: boolean): UtteranceSource | undefined {
    const { text } = this.settings.apology;
    if (this.audio || (text && canSpeak)) return scripted({ text, audio: this.audio });
    return text ? scripted({ text: '', audio: congestionTone() }) : undefined;
  }
}
