import { type Clock } from '../../../src/voice/clock.js';
import {
  type TranscriptionOptions,
  type Transcript,
  type LanguageModel,
  type TranscriptionStream,
  type ModelEvent,
  type ModelMessage,
  ProviderError,
  type ProviderFault,
  type SynthesisOptions,
  type TextToSpeech,
  type ModelRequest,
  type SpeechToText,
} from '../../../src/voice/providers/ports.js';
import { type Vocabulary } from './virtual-line.js';

/** How one request goes. */
export interface Behaviour {
  /** Before the first byte, milliseconds. */
  delayMs?: number;
  /** Between pieces. */
  betweenMs?: number;
  /** The fault after `after` pieces; `bug`: an error that is no ProviderError. */
  fault?: ProviderFault | 'stall' | 'bug' | 'empty';
  after?: number;
  retryAfterMs?: number;
  /** Ignores its abort signal. */
  ignoresAbort?: boolean;
}

export type Plan = (request: number) => Behaviour;

/** Length of a spoken character, milliseconds. */
export const CHARACTER_MS = 40;

/** Common to all scripted providers: delays, faults, and a count of open requests. */
class Script {
  /** Requests that are neither finished, failed nor aborted. */
  open = 0;
  requests = 0;
  aborted = 0;

  constructor(
    private readonly clock: Clock,
    private readonly plan: Plan,
  ) {}

  async *play<T>(pieces: readonly T[], signal: AbortSignal): AsyncGenerator<T> {
    const behaviour = this.plan(this.requests++);
    const { delayMs = 0, betweenMs = 0, after = 0, fault } = behaviour;
    this.open++;
    let listening = true;
    const abort = (): void => {
      if (listening) this.aborted++;
      this.close(listening);
      listening = false;
    };
    signal.addEventListener('abort', abort);
    try {
      for (let index = 0; index <= pieces.length; index++) {
        await this.pause(index === 0 ? delayMs : betweenMs, signal, behaviour.ignoresAbort);
        if (fault && index === Math.min(after, pieces.length)) {
          if (fault === 'empty') return;
          await this.fail(fault, behaviour, signal);
        }
        if (index < pieces.length) yield pieces[index]!;
      }
    } finally {
      signal.removeEventListener('abort', abort);
      this.close(listening);
      listening = false;
    }
  }

  private close(counted: boolean): void {
    if (counted) this.open--;
  }

  private async fail(
    fault: NonNullable<Behaviour['fault']>,
    { retryAfterMs, ignoresAbort }: Behaviour,
    signal: AbortSignal,
  ) {
    if (fault === 'bug') throw new TypeError('Cannot read properties of undefined');
    if (fault !== 'stall') throw new ProviderError(fault as ProviderFault, `scripted: ${fault}`, retryAfterMs);
    await new Promise((_, reject) => {
      if (!ignoresAbort) {
        signal.addEventListener(
          'abort',
          () => {
            reject(signal.reason as Error);
          },
          { once: true },
        );
      }
    });
  }

  private pause(ms: number, signal: AbortSignal, ignoresAbort = false): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        cancel();
        reject(signal.reason as Error);
      };
      const cancel = this.clock.after(ms, () => {
        signal.removeEventListener('abort', abort);
        resolve();
      });
      if (!ignoresAbort) signal.addEventListener('abort', abort, { once: true });
    });
  }
}

export class ScriptedSpeechToText extends Script implements SpeechToText {
  constructor(
    readonly name: string,
    clock: Clock,
    private readonly words: Vocabulary,
    plan: Plan = () => ({}),
  ) {
    super(clock, plan);
  }

  async transcribe(utterance: Int16Array, { signal }: TranscriptionOptions): Promise<Transcript> {
    for await (const heard of this.play([this.understand(utterance)], signal)) return heard;
    throw new ProviderError('unavailable', 'scripted: half an answer');
  }

  understand(utterance: Int16Array): Transcript {
    const texts = this.words.read(utterance).map(({ text }) => text);
    return { text: texts.filter(Boolean).join(' '), seconds: utterance.length / 8_000 };
  }
}

/** Speech to text that takes audio while the customer speaks. */
export class StreamingSpeechToText extends ScriptedSpeechToText {
  stream({ signal, language }: TranscriptionOptions): TranscriptionStream {
    const frames: number[] = [];
    return {
      write: (frame) => {
        frames.push(...frame);
      },
      finish: () => super.transcribe(Int16Array.from(frames), { signal, language }),
    };
  }

  override transcribe(): Promise<Transcript> {
    throw new Error('use the stream');
  }
}

export type Answer = string | ModelEvent[];

export class ScriptedModel extends Script implements LanguageModel {
  /** The messages of each request. */
  readonly received: (readonly ModelMessage[])[] = [];
  readonly offered: number[] = [];

  constructor(
    readonly name: string,
    clock: Clock,
    private readonly answer: (messages: readonly ModelMessage[], request: number) => Answer,
    plan: Plan = () => ({}),
  ) {
    super(clock, plan);
  }

  respond({ messages, tools, signal }: ModelRequest): AsyncIterable<ModelEvent> {
    this.received.push(messages);
    this.offered.push(tools.length);
    const answer = this.answer(messages, this.received.length - 1);
    const events = typeof answer === 'string' ? said(answer) : answer;
    return this.play([...events, { type: 'usage', inputTokens: 10, outputTokens: 5 }], signal);
  }
}

/** A text, word by word. */
export const said = (text: string): ModelEvent[] => text.split(/(?<= )/).map((word) => ({ type: 'text', text: word }));

export const toolCall = (name: string, args: unknown = {}, id = `call-${name}`): ModelEvent => ({
  type: 'tool_call',
  call: { id, name, arguments: typeof args === 'string' ? args : JSON.stringify(args) },
});

export class ScriptedTextToSpeech extends Script implements TextToSpeech {
  readonly texts: string[] = [];

  constructor(
    readonly name: string,
    clock: Clock,
    private readonly words: Vocabulary,
    plan: Plan = () => ({}),
  ) {
    super(clock, plan);
  }

  synthesize(text: string, { signal }: SynthesisOptions): AsyncIterable<Int16Array> {
    this.texts.push(text);
    const pcm = this.words.speech(text, text.length * CHARACTER_MS, 'agent');
    const pieces = Array.from({ length: Math.ceil(pcm.length / 800) }, (_, n) => pcm.slice(n * 800, (n + 1) * 800));
    return this.play(pieces, signal);
  }
}
