import { type CancellationScope } from '../../cancellation-scope.js';
import { type SpeechToText, type Transcript, type TranscriptionStream } from '../../providers/ports.js';
import { Endpointing, type SpeechSpan } from '../endpointing.js';
import { type PipelineContext } from '../pipeline.js';
import { type ProviderChain } from '../provider-chain.js';
import { type Recognition, type RecognitionListener, type RecognizedSpeech, speechText } from '../user-speech.js';

/** Transcription of an utterance while it is spoken. */
interface LiveTranscription {
  provider: SpeechToText;
  scope: CancellationScope;
  stream: TranscriptionStream | undefined;
  error: Error | undefined;
}

/** Finds utterances on the line and transcribes them, while they are spoken where the provider can. */
export class SpeechRecognition implements Recognition {
  private readonly endpointing: Endpointing;
  private live: LiveTranscription | undefined;
  private pending = 0;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly context: PipelineContext,
    private readonly providers: ProviderChain<SpeechToText>,
    private readonly listener: RecognitionListener,
  ) {
    this.endpointing = new Endpointing(context.settings.endpointing);
  }

  get busy(): boolean {
    return this.endpointing.speaking || this.pending > 0;
  }

  push(frame: Int16Array, atMs: number): void {
    const { listener } = this;
    if (this.scope.closed) return;
    const event = this.endpointing.push(frame, atMs);
    if (event === 'started') {
      this.live = this.listen();
      this.write(this.endpointing.soFar());
      listener.started();
    } else if (this.live) this.write(frame);
    if (this.endpointing.speaking) listener.continued(this.endpointing.voicedMs);
    if (event === 'ended') this.end(this.endpointing.take());
  }

  async finish(): Promise<void> {
    if (this.endpointing.speaking) this.end(this.endpointing.stop());
    await this.scope.wait(this.last).catch(() => undefined);
  }

  private get scope(): CancellationScope {
    return this.context.recognitionScope;
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

  private write(frame: Int16Array): void {
    const { live } = this;
    if (live && !live.error) attempt(live, () => live.stream?.write(frame));
  }

  private end(span: SpeechSpan): void {
    const { live, listener } = this;
    this.live = undefined;
    this.pending++;
    const result = this.transcribe(span, live);
    this.last = Promise.all([this.last, result])
      .finally(() => this.pending--)
      .then(async ([, speech]) => {
        if (!this.scope.closed) await listener.recognized(speech);
      })
      .catch((error: unknown) => {
        if (!this.scope.closed) listener.failed(error);
      });
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
        const { text, seconds } = await own.wait(answer, settings.limits.transcriptionMs);
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
