import { type ConversationSettings, type Phrase } from '../conversation-settings.js';
import { type CancellationScope } from '../cancellation-scope.js';

/** What follows inactivity; `last`: the call ends after the phrase, if there is one. */
export type InactivityStep = { last: false; phrase: Phrase } | { last: true; phrase: Phrase | undefined };

/** Prompts a silent customer a number of times, then ends the call. */
export class InactivityTimer {
  private prompts = 0;
  private stopTimer: () => void = () => undefined;

  constructor(
    private readonly scope: CancellationScope,
    private readonly settings: ConversationSettings['silence'],
    private readonly onInactive: (after: InactivityStep) => void,
  ) {}

  /** Neither side speaks from now on. */
  start(): void {
    this.stopTimer();
    this.stopTimer = this.scope.after(this.settings.afterMs, () => {
      const { prompt, times, farewell } = this.settings;
      this.onInactive(this.prompts++ < times ? { last: false, phrase: prompt } : { last: true, phrase: farewell });
    });
  }

  /** A side begins to speak. */
  stop(): void {
    this.stopTimer();
  }

  /** The customer has spoken: counts prompts from 0. */
  reset(): void {
    this.prompts = 0;
  }
}
