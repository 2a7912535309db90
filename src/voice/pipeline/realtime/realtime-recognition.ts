import { type ConversationSettings } from '../../conversation-settings.js';
import { Endpointing, type Utterance } from '../endpointing.js';
import { type RealtimeLink } from './realtime-link.js';
import { type CancellationScope } from '../../cancellation-scope.js';

/** Times are milliseconds since the answer. */
export interface RealtimeUtterance extends Omit<Utterance, 'pcm'> {
  decidedMs: number;
  /** What was said, as far as it can be told; empty: it was no speech. May come later than the answer. */
  text: Promise<string | undefined>;
}

export interface RealtimeListener {
  started(): void;
  /** The customer goes on speaking; sound so far, milliseconds. */
  voiced(voicedMs: number): void;
  /** In the order they were spoken. */
  ended(utterance: RealtimeUtterance): void;
}

/** Some transcribe noise as ".". */
const PRONOUNCEABLE = /[\p{L}\p{N}]/u;

/** Brings to the model what the customer says: each utterance as it is spoken, and nothing in between. */
export class RealtimeRecognition {
  private readonly endpointing: Endpointing;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly scope: CancellationScope,
    private readonly link: RealtimeLink,
    private readonly settings: ConversationSettings,
    private readonly now: () => number,
    private readonly listener: RealtimeListener,
  ) {
    this.endpointing = new Endpointing(settings.endpointing);
  }

  /** The customer speaks. */
  get busy(): boolean {
    return this.endpointing.speaking;
  }

  frame(frame: Int16Array, atMs: number): void {
    if (this.scope.closed) return;
    const speaking = this.busy;
    const event = this.endpointing.push(frame, atMs);
    if (event === 'started') {
      this.link.begin(this.endpointing.soFar());
      this.listener.started();
    } else if (speaking) this.link.write(frame);
    if (this.busy) this.listener.voiced(this.endpointing.voicedMs);
    if (event === 'ended') this.ended(this.endpointing.take());
  }

  /** Nothing more comes. Resolves when all that was said is told, or cannot be. */
  async finish(): Promise<void> {
    if (this.busy) this.ended(this.endpointing.stop());
    await this.scope.wait(this.last).catch(() => undefined);
  }

  private ended({ pcm, ...times }: Utterance): void {
    const text = this.textOf(pcm);
    this.last = Promise.all([this.last, text]);
    this.listener.ended({ ...times, decidedMs: this.now(), text });
  }

  private async textOf(pcm: Int16Array): Promise<string | undefined> {
    try {
      const text = await this.scope.wait(this.link.end(pcm), this.settings.limits.transcriptionMs);
      return text === undefined || PRONOUNCEABLE.test(text) ? text?.trim() : '';
    } catch {
      return undefined;
    }
  }
}
