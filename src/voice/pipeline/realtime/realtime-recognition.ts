import { EndpointedRecognition } from '../endpointed-recognition.js';
import { type SpeechSpan } from '../endpointing.js';
import { type PipelineContext } from '../pipeline.js';
import { type RecognitionListener, speechText } from '../user-speech.js';
import { type RealtimeLink } from './realtime-link.js';

/** Gives utterances to the model while they are spoken; the model gets no silence between them. */
export class RealtimeRecognition extends EndpointedRecognition {
  constructor(
    context: PipelineContext,
    private readonly link: RealtimeLink,
    listener: RecognitionListener,
  ) {
    super(context, listener);
  }

  protected override begin(pcm: Int16Array): void {
    this.link.begin(pcm);
  }

  protected override write(frame: Int16Array): void {
    this.link.write(frame);
  }

  protected override end({ pcm, ...times }: SpeechSpan): void {
    const text = this.textOf(pcm);
    this.transcribed = Promise.all([this.transcribed, text]);
    this.listener.pending({ ...times, decidedMs: this.context.now(), text });
  }

  private async textOf(pcm: Int16Array): Promise<string | undefined> {
    try {
      const { transcriptionMs } = this.context.settings.timeouts;
      const transcript = await this.scope.wait(this.link.end(pcm), transcriptionMs);
      return transcript === undefined ? undefined : speechText(transcript);
    } catch {
      return undefined;
    }
  }
}
