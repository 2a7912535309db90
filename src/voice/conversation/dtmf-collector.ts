import { type RecognizedSpeech } from '../pipeline/user-speech.js';
import { type CancellationScope } from '../cancellation-scope.js';

/** Makes one message of keys that are pressed one after another: after a pause, or at `#`. */
export class DtmfCollector {
  private keys = '';
  private stopTimer: () => void = () => undefined;

  constructor(
    private readonly scope: CancellationScope,
    private readonly pauseMs: number,
    private readonly pressed: (keys: string) => void,
  ) {}

  /** More may come. */
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
    this.pressed(keys);
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
