import { type Emit } from '../../conversation-events.js';
import { type ConversationSettings } from '../../conversation-settings.js';
import { Endpointing, type Utterance } from '../endpointing.js';
import { type Transcript, type TranscriptionStream, type SpeechToText } from '../../providers/ports.js';
import { type CancellationScope } from '../../cancellation-scope.js';
import { type ProviderChain } from '../provider-chain.js';

/** Times are milliseconds since the answer. */
export interface RecognizedUtterance extends Omit<Utterance, 'pcm'> {
  /** Empty: it was no speech. */
  text: string;
  decidedMs: number;
  transcribedMs: number;
  transcriptionMs: number;
}

export interface RecognitionListener {
  started(): void;
  /** The customer goes on speaking; sound so far, milliseconds. */
  voiced(voicedMs: number): void;
  /** In the order they were spoken; the next one waits. */
  heard(utterance: RecognizedUtterance): Promise<void>;
  failed(error: unknown): void;
}

/** Some transcribe noise as ".". */
const PRONOUNCEABLE = /[\p{L}\p{N}]/u;

/** Hears as it is spoken, where the provider can. */
interface Live {
  provider: SpeechToText;
  scope: CancellationScope;
  listening: TranscriptionStream | undefined;
  error: Error | undefined;
}

/** Turns what comes in on the line into what the customer said. */
export class SpeechRecognition {
  private readonly endpointing: Endpointing;
  private live: Live | undefined;
  private pending = 0;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly scope: CancellationScope,
    private readonly transcribers: ProviderChain<SpeechToText>,
    private readonly settings: ConversationSettings,
    private readonly now: () => number,
    private readonly tell: Emit,
    private readonly listener: RecognitionListener,
  ) {
    this.endpointing = new Endpointing(settings.endpointing);
  }

  /** The customer speaks, or it is not known yet what was said. */
  get busy(): boolean {
    return this.endpointing.speaking || this.pending > 0;
  }

  frame(frame: Int16Array, atMs: number): void {
    if (this.scope.closed) return;
    const event = this.endpointing.push(frame, atMs);
    if (event === 'started') {
      this.live = this.listen();
      this.hear(this.endpointing.soFar());
      this.listener.started();
    } else if (this.live) this.hear(frame);
    if (this.endpointing.speaking) this.listener.voiced(this.endpointing.voicedMs);
    if (event === 'ended') this.ended(this.endpointing.take());
  }

  /** Nothing more comes. Resolves when all that was said is told, or cannot be. */
  async finish(): Promise<void> {
    if (this.endpointing.speaking) this.ended(this.endpointing.stop());
    await this.scope.wait(this.last).catch(() => undefined);
  }

  private listen(): Live | undefined {
    const provider = this.transcribers.current;
    if (!provider.stream) return undefined;
    const live: Live = { provider, scope: this.scope.child(), listening: undefined, error: undefined };
    attempt(live, () => {
      live.listening = provider.stream?.({ language: this.settings.language, signal: live.scope.signal });
    });
    return live;
  }

  private hear(frame: Int16Array): void {
    const { live } = this;
    if (live && !live.error) attempt(live, () => live.listening?.write(frame));
  }

  private ended(utterance: Utterance): void {
    const { live } = this;
    this.live = undefined;
    this.pending++;
    const result = this.transcribe(utterance, live);
    this.last = Promise.all([this.last, result])
      .finally(() => this.pending--)
      .then(async ([, heard]) => {
        if (!this.scope.closed) await this.listener.heard(heard);
      })
      .catch((error: unknown) => {
        if (!this.scope.closed) this.listener.failed(error);
      });
  }

  private async transcribe({ pcm, ...times }: Utterance, live: Live | undefined): Promise<RecognizedUtterance> {
    const decidedMs = this.now();
    let unheard = live;
    try {
      const { text } = await this.transcribers.run(this.scope, async (provider, own) => {
        const mine = unheard?.provider === provider ? unheard : undefined;
        unheard = undefined;
        const answer = mine ? finished(mine) : this.hearAll(provider, pcm, own);
        const heard = await own.wait(answer, this.settings.limits.transcriptionMs);
        this.tell({
          type: 'usage',
          usage: { stage: 'transcription', provider: provider.name, seconds: heard.seconds },
        });
        return heard;
      });
      const transcribedMs = this.now();
      return {
        ...times,
        text: PRONOUNCEABLE.test(text) ? text.trim() : '',
        decidedMs,
        transcribedMs,
        transcriptionMs: transcribedMs - decidedMs,
      };
    } finally {
      live?.scope.close();
    }
  }

  private async hearAll(provider: SpeechToText, pcm: Int16Array, { signal }: CancellationScope): Promise<Transcript> {
    const options = { language: this.settings.language, signal };
    if (!provider.stream) return provider.transcribe(pcm, options);
    const listening = provider.stream(options);
    listening.write(pcm);
    return listening.finish();
  }
}

async function finished({ listening, error, scope }: Live): Promise<Transcript> {
  try {
    if (error) throw error;
    if (!listening) throw new Error('Nobody listened');
    return await scope.wait(listening.finish());
  } finally {
    scope.close();
  }
}

/** What goes wrong while the customer speaks counts when the utterance is over. */
function attempt(live: Live, act: () => void): void {
  try {
    act();
  } catch (error) {
    live.error = error instanceof Error ? error : new Error(String(error));
  }
}
