import { type AudioPort, FRAME_MS, FRAME_SAMPLES } from '../../lib/audio/index.js';
import { PlayoutQueue } from '../../lib/media/index.js';
import { type SimulatorClock } from './simulator-clock.js';

type Listener = (frame: Int16Array, atMs: number) => void;

/** What 20 ms of an open line were like at the far end. */
export interface LineMoment {
  /** What the agent said; undefined: nothing. The frame is reused. */
  heard: Int16Array | undefined;
  /** The far end was speaking itself. */
  speaking: boolean;
}

/**
 * An open line without a network: what either side says is heard by the other within the same 20 ms. Its `audio` keeps
 * the promises of that of the media engine.
 */
export class SimulatedLine {
  readonly audio: AudioPort = {
    listen: (listener) => this.listen(listener),
    write: (pcm) => {
      if (!this.closed) this.fromAgent.write(pcm.slice());
    },
    mark: () =>
      new Promise((resolve) => {
        if (this.closed) resolve('cleared');
        else this.fromAgent.mark(resolve);
      }),
    clear: () => Promise.resolve({ playedMs: this.closed ? 0 : this.fromAgent.clear() }),
  };
  private readonly fromAgent = new PlayoutQueue();
  private readonly fromFarEnd = new PlayoutQueue();
  private readonly listeners = new Set<Listener>();
  private readonly heard = new Int16Array(FRAME_SAMPLES);
  private frames = 0;
  private closed = false;
  private stop: (() => void) | undefined;

  constructor(private readonly clock: SimulatorClock) {}

  /** It was answered: time begins, and `farEnd` is told of each 20 ms. */
  open(farEnd: (moment: LineMoment) => void): void {
    if (this.closed || this.stop) return;
    this.stop = this.clock.every(() => {
      this.tick(farEnd);
    });
  }

  /** What the far end says next. */
  say(pcm: Int16Array): void {
    if (!this.closed) this.fromFarEnd.write(pcm);
  }

  /** The far end is silent at once. */
  hush(): void {
    this.fromFarEnd.clear();
  }

  close(): void {
    this.closed = true;
    this.stop?.();
    this.fromAgent.clear();
    this.listeners.clear();
  }

  private tick(farEnd: (moment: LineMoment) => void): void {
    const said = this.fromAgent.take(this.heard);
    const frame = new Int16Array(FRAME_SAMPLES);
    const speaking = this.fromFarEnd.take(frame);
    const atMs = this.frames++ * FRAME_MS;
    for (const listener of this.listeners) listener(this.listeners.size > 1 ? frame.slice() : frame, atMs);
    farEnd({ heard: said ? this.heard : undefined, speaking });
  }

  private listen(listener: Listener): () => void {
    if (this.closed) return () => undefined;
    // The same function may listen twice.
    const own: Listener = (frame, atMs) => {
      listener(frame, atMs);
    };
    this.listeners.add(own);
    return () => {
      this.listeners.delete(own);
    };
  }
}
