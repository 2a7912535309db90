import { type CancellationScope } from '../../cancellation-scope.js';
import { Endpointing, type SpeechSpan } from '../endpointing.js';
import { type PipelineContext } from '../pipeline.js';
import { type Recognition, type RecognitionListener, speechText } from '../user-speech.js';
import { type RealtimeLink } from './realtime-link.js';

/** Finds utterances on the line and gives them to the model while they are spoken; the model gets no silence between them. */
export class RealtimeRecognition implements Recognition {
  private readonly endpointing: Endpointing;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly context: PipelineContext,
    private readonly link: RealtimeLink,
    private readonly listener: RecognitionListener,
  ) {
    this.endpointing = new Endpointing(context.settings.endpointing);
  }

  get busy(): boolean {
    return this.endpointing.speaking;
  }

  push(frame: Int16Array, atMs: number): void {
    const { listener } = this;
    if (this.scope.closed) return;
    const speaking = this.busy;
    const event = this.endpointing.push(frame, atMs);
    if (event === 'started') {
      this.link.begin(this.endpointing.soFar());
      listener.started();
    } else if (speaking) this.link.write(frame);
    if (this.busy) listener.continued(this.endpointing.voicedMs);
    if (event === 'ended') this.end(this.endpointing.take());
  }

  async finish(): Promise<void> {
    if (this.busy) this.end(this.endpointing.stop());
    await this.scope.wait(this.last).catch(() => undefined);
  }

  private get scope(): CancellationScope {
    return this.context.recognitionScope;
  }

  private end({ pcm, ...times }: SpeechSpan): void {
    const text = this.textOf(pcm);
    this.last = Promise.all([this.last, text]);
    this.listener.pending({ ...times, decidedMs: this.context.now(), text });
  }

  private async textOf(pcm: Int16Array): Promise<string | undefined> {
    try {
      const limitMs = this.context.settings.limits.transcriptionMs;
      const transcript = await this.scope.wait(this.link.end(pcm), limitMs);
      return transcript === undefined ? undefined : speechText(transcript);
    } catch {
      return undefined;
    }
  }
}
