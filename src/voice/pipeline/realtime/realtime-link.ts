import {
  type RealtimeOptions,
  type ModelMessage,
  type RealtimeSession,
  type RealtimeModel,
} from '../../providers/ports.js';
import { type CancellationScope } from '../../cancellation-scope.js';

/** An utterance whose text has not come yet: another session has to hear it again. */
interface Unheard {
  pcm: Int16Array;
  understood: (text: string | undefined) => void;
}

/**
 * The way to the model: one session after another, should one break. Each begins with all that was said so far. Nothing
 * fails here but `session`: who wants the model to speak is told, everybody else goes on.
 */
export class RealtimeLink {
  private open: RealtimeSession | undefined;
  /** The one that hears the utterance from its beginning. */
  private hearing: RealtimeSession | undefined;
  private readonly unheard = new Set<Unheard>();

  constructor(
    private readonly scope: CancellationScope,
    private readonly provider: RealtimeModel,
    private readonly options: () => Omit<RealtimeOptions, 'signal'>,
  ) {}

  /** @throws ProviderError when there cannot be one */
  session(): RealtimeSession {
    if (this.open) return this.open;
    const session = this.provider.connect({ ...this.options(), signal: this.scope.signal });
    this.open = session;
    for (const one of this.unheard) {
      session.write(one.pcm);
      this.understand(session, one);
    }
    return session;
  }

  /** It is broken: the next one to be asked for is another. */
  drop(session: RealtimeSession): void {
    session.close();
    if (this.open === session) this.open = undefined;
  }

  /** Connects beforehand. */
  prepare(): void {
    try {
      this.session();
    } catch {
      // Told to whoever wants to speak.
    }
  }

  /** The customer begins to speak: what was heard so far. */
  begin(pcm: Int16Array): void {
    this.hearing = this.open;
    this.hearing?.write(pcm);
  }

  write(frame: Int16Array): void {
    this.hearing?.write(frame);
  }

  /** The utterance is over; `pcm` is all of it. @returns its text; undefined when that could not be told */
  end(pcm: Int16Array): Promise<string | undefined> {
    return new Promise((understood) => {
      const one = { pcm, understood };
      this.unheard.add(one);
      const { open } = this;
      if (!open) return;
      if (open !== this.hearing) open.write(pcm);
      this.understand(open, one);
    });
  }

  add(message: ModelMessage): void {
    this.open?.add(message);
  }

  close(): void {
    this.open?.close();
    this.open = undefined;
    this.hearing = undefined;
    this.unheard.clear();
  }

  private understand(session: RealtimeSession, one: Unheard): void {
    session.finish().then(
      (text) => {
        this.unheard.delete(one);
        one.understood(text);
      },
      // The next session hears it.
      () => undefined,
    );
  }
}
