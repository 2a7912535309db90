import { type CancellationScope } from '../cancellation-scope.js';
import { Endpointing, type SpeechSpan } from './endpointing.js';
import { type PipelineContext } from './pipeline.js';
import { type Recognition, type RecognitionListener } from './user-speech.js';

/** Finds the customer's utterances on the line; a pipeline adds their transcription. */
export abstract class EndpointedRecognition implements Recognition {
  /** Resolves when all transcripts so far have come or failed. */
  protected transcribed: Promise<unknown> = Promise.resolve();
  private readonly endpointing: Endpointing;

  constructor(
    protected readonly context: PipelineContext,
    protected readonly listener: RecognitionListener,
  ) {
    this.endpointing = new Endpointing(context.settings.endpointing);
  }

  get busy(): boolean {
    return this.endpointing.speaking;
  }

  push(frame: Int16Array, atMs: number): void {
    const { endpointing, listener } = this;
    if (this.scope.closed) return;
    const { speaking } = endpointing;
    const event = endpointing.push(frame, atMs);
    if (event === 'started') {
      this.begin(endpointing.soFar());
      listener.started();
    } else if (speaking) this.write(frame);
    if (endpointing.speaking) listener.continued(endpointing.voicedMs);
    if (event === 'ended') this.end(endpointing.take());
  }

  async finish(): Promise<void> {
    if (this.endpointing.speaking) this.end(this.endpointing.stop());
    await this.scope.wait(this.transcribed).catch(() => undefined);
  }

  protected get scope(): CancellationScope {
    return this.context.recognitionScope;
  }

  /** An utterance has begun; `pcm` is its audio so far. */
  protected abstract begin(pcm: Int16Array): void;
  /** The utterance continues. */
  protected abstract write(frame: Int16Array): void;
  /** The utterance has ended. */
  protected abstract end(span: SpeechSpan): void;
}
