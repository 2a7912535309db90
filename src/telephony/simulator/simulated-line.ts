import { type AudioPort, FRAME_MS, FRAME_SAMPLES } from '../../lib/audio/index.js';
import { PlayoutQueue } from '../../lib/media/index.js';
import { type SimulatorClock } from './simulator-clock.js';

type Listener = (frame: Int16Array, atMs: number) => void;

/** 20 ms of an open line at the far end. */
export interface LineMoment {
  /** The agent's audio; undefined when it plays nothing. The frame is reused. */
  fromAgent: Int16Array | undefined;
  /** Whether the far end played audio itself. */
  isSpeaking: boolean;
}

/** An open line without a network: audio reaches the other side within the same 20 ms. `audio` behaves like the media engine's. */
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
  private readonly agentFrame = new Int16Array(FRAME_SAMPLES);
  private frames = 0;
  private closed = false;
  private stop: (() => void) | undefined;

  constructor(private readonly clock: SimulatorClock) {}

  /** Starts the line when it is answered; `farEnd` gets every 20 ms. */
  open(farEnd: (moment: LineMoment) => void): void {
    if (this.closed || this.stop) return;
    this.stop = this.clock.every(() => {
      this.tick(farEnd);
    });
  }

  /** Queues audio of the far end. */
  play(pcm: Int16Array): void {
    if (!this.closed) this.fromFarEnd.write(pcm);
  }

  /** Drops the queued audio of the far end. */
  clear(): void {
    this.fromFarEnd.clear();
  }

  close(): void {
    this.closed = true;
    this.stop?.();
    this.fromAgent.clear();
    this.listeners.clear();
  }

  private tick(farEnd: (moment: LineMoment) => void): void {
    const hasAgentAudio = this.fromAgent.take(this.agentFrame);
    const frame = new Int16Array(FRAME_SAMPLES);
    const isSpeaking = this.fromFarEnd.take(frame);
    const atMs = this.frames++ * FRAME_MS;
    for (const listener of this.listeners) listener(this.listeners.size > 1 ? frame.slice() : frame, atMs);
    farEnd({ fromAgent: hasAgentAudio ? this.agentFrame : undefined, isSpeaking });
  }

  private listen(listener: Listener): () => void {
    if (this.closed) return () => undefined;
    // A wrapper of its own: the same function may listen twice.
    const own: Listener = (frame, atMs) => {
      listener(frame, atMs);
    };
    this.listeners.add(own);
    return () => {
      this.listeners.delete(own);
    };
  }
}
