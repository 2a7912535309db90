import { type HeardUtterance } from '../pipeline/cascade/speech-recognition.js';
import { type Scope } from '../pipeline/cancellation-scope.js';

/** Makes one message of keys that are pressed one after another: after a pause, or at `#`. */
export class Keypad {
  private keys = '';
  private stopTimer: () => void = () => undefined;

  constructor(
    private readonly scope: Scope,
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

/** Keys as something the customer said. */
export const asUtterance = (keys: string, atMs: number): HeardUtterance => ({
  text: `[Keys pressed: ${keys}]`,
  ...{ startMs: atMs, endMs: atMs, voicedMs: Infinity, decidedMs: atMs, transcribedMs: atMs, transcriptionMs: 0 },
});
