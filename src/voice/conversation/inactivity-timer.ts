import { type ConversationSettings, type Phrase } from '../conversation-settings.js';
import { type CancellationScope } from '../cancellation-scope.js';

/** What is said when nobody speaks; `last`: then the call ends, also when there is nothing to say. */
export type AfterSilence = { last: false; phrase: Phrase } | { last: true; phrase: Phrase | undefined };

/** Asks a silent customer some times, then gives up. */
export class InactivityTimer {
  private prompts = 0;
  private stopTimer: () => void = () => undefined;

  constructor(
    private readonly scope: CancellationScope,
    private readonly settings: ConversationSettings['silence'],
    private readonly silent: (after: AfterSilence) => void,
  ) {}

  /** Nobody speaks from now on. */
  start(): void {
    this.stopTimer();
    this.stopTimer = this.scope.after(this.settings.afterMs, () => {
      const { prompt, times, farewell } = this.settings;
      this.silent(this.prompts++ < times ? { last: false, phrase: prompt } : { last: true, phrase: farewell });
    });
  }

  /** Somebody does. */
  stop(): void {
    this.stopTimer();
  }

  /** The customer is there: counts anew. */
  answered(): void {
    this.prompts = 0;
  }
}
