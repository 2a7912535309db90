import { type Produce, scripted } from './agent-turn.js';
import { congestionTone } from '../../lib/audio/index.js';
import { type Tell } from './conversation-events.js';
import { type ConversationSettings } from './conversation-settings.js';
import { concat } from '../pipeline/endpointing.js';
import { type Speaker } from '../providers/ports.js';
import { Closed, type Scope } from '../pipeline/cancellation-scope.js';
import { speak } from '../pipeline/cascade/speech-synthesis.js';
import { type Stage, StageFailed } from '../pipeline/provider-chain.js';

/**
 * What is said when a provider has failed: synthesised beforehand, as nobody may be there to speak when it is needed. Where
 * nobody ever was, a tone tells that something is wrong: silence would be waited on.
 */
export class Apology {
  private audio: Int16Array | undefined;

  constructor(
    private readonly settings: ConversationSettings,
    private readonly speakers: Stage<Speaker>,
    private readonly tell: Tell,
  ) {
    this.audio = settings.apology.audio;
  }

  /** Resolves when it is ready, or cannot be made: the stage has told why, and there will be a tone instead. */
  async prepare(scope: Scope): Promise<void> {
    const { text } = this.settings.apology;
    if (this.audio || !text) return;
    const parts: Int16Array[] = [];
    const arrived = (pcm: Int16Array): Promise<void> => {
      parts.push(pcm);
      return Promise.resolve();
    };
    try {
      await speak(this.speakers, text, this.settings, this.tell, scope, { from: 0, arrived });
      this.audio = concat(parts);
    } catch (error) {
      if (!(error instanceof StageFailed || error instanceof Closed)) throw error;
    }
  }

  /** undefined: none is wanted. `canSpeak`: somebody can, should it not be ready. */
  produce(canSpeak: boolean): Produce | undefined {
    const { text } = this.settings.apology;
    if (this.audio || (text && canSpeak)) return scripted({ text, audio: this.audio });
    return text ? scripted({ text: '', audio: congestionTone() }) : undefined;
  }
}
