import {
  type RealtimeOptions,
  type ModelMessage,
  type RealtimeSession,
  type RealtimeModel,
} from '../../providers/ports.js';
import { type CancellationScope } from '../../cancellation-scope.js';

/** An utterance whose transcript has not come yet: a new session needs its audio again. */
interface UntranscribedSpeech {
  pcm: Int16Array;
  resolve: (text: string | undefined) => void;
}

/**
 * The session with the model, which is replaced when it breaks; the next one begins with the whole conversation so far.
 * Only `session` fails: the reply that needs the model reports the fault, and listening continues.
 */
export class RealtimeLink {
  private open: RealtimeSession | undefined;
  /** The session that has the utterance from its beginning on. */
  private listening: RealtimeSession | undefined;
  private readonly untranscribed = new Set<UntranscribedSpeech>();

  constructor(
    private readonly scope: CancellationScope,
    private readonly provider: RealtimeModel,
    private readonly options: () => Omit<RealtimeOptions, 'signal'>,
  ) {}

  /** @throws ProviderError when no session can be opened */
  session(): RealtimeSession {
    if (this.open) return this.open;
    const session = this.provider.connect({ ...this.options(), signal: this.scope.signal });
    this.open = session;
    for (const speech of this.untranscribed) {
      session.write(speech.pcm);
      this.transcribe(session, speech);
    }
    return session;
  }

  /** Closes a broken session; the next call of `session` opens another one. */
  drop(session: RealtimeSession): void {
    session.close();
    if (this.open === session) this.open = undefined;
  }

  /** Opens a session before it is needed. */
  prepare(): void {
    try {
      this.session();
    } catch {
      // The first reply reports the fault.
    }
  }

  /** The customer begins to speak; `pcm` is the utterance so far. */
  begin(pcm: Int16Array): void {
    this.listening = this.open;
    this.listening?.write(pcm);
  }

  write(frame: Int16Array): void {
    this.listening?.write(frame);
  }

  /** The utterance has ended; `pcm` is all of it. @returns its transcript; undefined when there is none */
  end(pcm: Int16Array): Promise<string | undefined> {
    return new Promise((resolve) => {
      const speech = { pcm, resolve };
      this.untranscribed.add(speech);
      const { open } = this;
      if (!open) return;
      if (open !== this.listening) open.write(pcm);
      this.transcribe(open, speech);
    });
  }

  add(message: ModelMessage): void {
    this.open?.add(message);
  }

  close(): void {
    this.open?.close();
    this.open = undefined;
    this.listening = undefined;
    this.untranscribed.clear();
  }

  private transcribe(session: RealtimeSession, speech: UntranscribedSpeech): void {
    session.finish().then(
      (text) => {
        this.untranscribed.delete(speech);
        speech.resolve(text);
      },
      // The next session transcribes it.
      () => undefined,
    );
  }
}
