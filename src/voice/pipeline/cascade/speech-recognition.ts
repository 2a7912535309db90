import { type CancellationScope } from '../../cancellation-scope.js';
import { type SpeechToText, type Transcript, type TranscriptionStream } from '../../providers/ports.js';
import { EndpointedRecognition } from '../endpointed-recognition.js';
import { type SpeechSpan } from '../endpointing.js';
import { type PipelineContext } from '../pipeline.js';
import { type ProviderChain } from '../provider-chain.js';
import { type RecognitionListener, type RecognizedSpeech, speechText } from '../user-speech.js';

/** Transcription of an utterance while it is spoken. */
interface LiveTranscription {
  provider: SpeechToText;
  scope: CancellationScope;
  stream: TranscriptionStream | undefined;
  error: Error | undefined;
}

/** Transcribes utterances, while they are spoken where the provider can. */
export class SpeechRecognition extends EndpointedRecognition {
  private live: LiveTranscription | undefined;
  /** Utterances whose transcript is waited for. */
  private pending = 0;

  constructor(
    context: PipelineContext,
    private readonly providers: ProviderChain<SpeechToText>,
    listener: RecognitionListener,
  ) {
    super(context, listener);
  }

  override get busy(): boolean {
    return super.busy || this.pending > 0;
  }

  protected override begin(pcm: Int16Array): void {
    this.live = this.listen();
    this.write(pcm);
  }

  protected override write(frame: Int16Array): void {
    const { live } = this;
    if (live && !live.error) attempt(live, () => live.stream?.write(frame));
  }

  protected override end(span: SpeechSpan): void {
    const { live, listener } = this;
    this.live = undefined;
    this.pending++;
    const result = this.transcribe(span, live);
    this.transcribed = Promise.all([this.transcribed, result])
      .finally(() => this.pending--)
      .then(async ([, speech]) => {
        if (!this.scope.closed) await listener.recognized(speech);
      })
      .catch((error: unknown) => {
        if (!this.scope.closed) listener.failed(error);
      });
  }

  private listen(): LiveTranscription | undefined {
    const provider = this.providers.current;
    if (!provider.stream) return undefined;
    const live: LiveTranscription = { provider, scope: this.scope.child(), stream: undefined, error: undefined };
    const { language } = this.context.settings;
    attempt(live, () => {
      live.stream = provider.stream?.({ language, signal: live.scope.signal });
    });
    return live;
  }

  private async transcribe(
    { pcm, ...times }: SpeechSpan,
    live: LiveTranscription | undefined,
  ): Promise<RecognizedSpeech> {
    const { now, emit, settings } = this.context;
    const decidedMs = now();
    let unused = live;
    try {
      const transcript = await this.providers.run(this.scope, async (provider, own) => {
        const current = unused?.provider === provider ? unused : undefined;
        unused = undefined;
        const answer = current ? finish(current) : this.transcribeAll(provider, pcm, own);
        const { text, seconds } = await own.wait(answer, settings.timeouts.transcriptionMs);
        emit({ type: 'usage', usage: { stage: 'transcription', provider: provider.name, seconds } });
        return text;
      });
      const transcribedMs = now();
      const transcriptionMs = transcribedMs - decidedMs;
      return { ...times, text: speechText(transcript), decidedMs, transcribedMs, transcriptionMs };
    } finally {
      live?.scope.close();
    }
  }

  private async transcribeAll(
    provider: SpeechToText,
    pcm: Int16Array,
    { signal }: CancellationScope,
  ): Promise<Transcript> {
    const options = { language: this.context.settings.language, signal };
    if (!provider.stream) return provider.transcribe(pcm, options);
    const stream = provider.stream(options);
    stream.write(pcm);
    return stream.finish();
  }
}

async function finish({ stream, error, scope }: LiveTranscription): Promise<Transcript> {
  try {
    if (error) throw error;
    if (!stream) throw new Error('There is no transcription stream');
    return await scope.wait(stream.finish());
  } finally {
    scope.close();
  }
}

/** Errors while the customer speaks count at the end of the utterance. */
function attempt(live: LiveTranscription, act: () => void): void {
  try {
    act();
  } catch (error) {
    live.error = error instanceof Error ? error : new Error(String(error));
  }
}
