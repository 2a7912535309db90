import { type RecognizedSpeech } from '../pipeline/user-speech.js';
import { type CancellationScope } from '../cancellation-scope.js';

/** Joins keys that are pressed one after another into a message, which ends after a pause or with `#`. */
export class DtmfCollector {
  private keys = '';
  private stopTimer: () => void = () => undefined;

  constructor(
    private readonly scope: CancellationScope,
    private readonly pauseMs: number,
    private readonly onMessage: (keys: string) => void,
  ) {}

  /** A message has begun. */
  get busy(): boolean {
    return this.keys !== '';
  }

  press(key: string): void {
    this.keys += key;
    this.stopTimer();
    if (key === '#') this.flush();
    else
      this.stopTimer = this.scope.after(this.pauseMs, () => {
        this.flush();
      });
  }

  private flush(): void {
    const { keys } = this;
    this.keys = '';
    this.onMessage(keys);
  }
}

/** Keys as a message of the customer. */
export const asSpeech = (keys: string, atMs: number): RecognizedSpeech => ({
  text: `[Keys pressed: ${keys}]`,
  startMs: atMs,
  endMs: atMs,
  voicedMs: Infinity,
  decidedMs: atMs,
  transcribedMs: atMs,
  transcriptionMs: 0,
});
