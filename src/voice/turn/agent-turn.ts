import { type Turn } from '../conversation-events.js';
import { type AssistantEntry } from './chat-history.js';
import { AsyncSignal } from '../../lib/platform/index.js';
import { type Playback } from './playback.js';
import { type CancellationScope } from '../cancellation-scope.js';
import { SpeechSegment } from './speech-segment.js';
import { playedText, joined } from './spoken-text.js';
import { type Cause, latencyOf } from './turn-latency.js';

/** Finds what to say, and adds it to the turn. `resumed`: it was cut short before. */
export type UtteranceSource = (turn: AgentTurn, scope: CancellationScope, resumed: boolean) => Promise<void>;

/** What a turn is made of. */
export interface Utterance {
  produce: UtteranceSource;
  interruptible: boolean;
  /** What it answers to. */
  cause?: Cause | undefined;
  /** Said again when the customer spoke before any of it was heard. */
  again?: boolean;
}

/** What a turn needs. */
export interface SpeechOutput {
  scope: CancellationScope;
  playback: Playback;
  /** Milliseconds since the answer. */
  now: () => number;
  /** Adds the audio of a segment that is not complete, from its `samples` on. `asked` is called before the first request. */
  synthesize: (
    segment: SpeechSegment,
    scope: CancellationScope,
    arrived: (pcm: Int16Array) => Promise<void>,
  ) => Promise<void>;
}

/**
 * The agent's turn: what it says, piece by piece, from its first thought until it was heard. It can be held back before
 * it is audible, paused while it is, and then go on or be given up.
 */
export class AgentTurn {
  /** Resolves when all was heard, or with the error that kept it from being said. Never when it was given up. */
  readonly over: Promise<{ error: unknown }>;
  /** When the model's first word came; set by who asks it. */
  firstTokenMs: number | undefined;
  paused = false;
  held = false;
  private finished = false;
  private mayInterrupt: boolean;
  private busy = false;
  private resolveOver: (outcome: { error: unknown }) => void = () => undefined;
  private readonly segments: SpeechSegment[] = [];
  private readonly changes = new AsyncSignal();
  private next = 0;
  private produced = false;
  private work: CancellationScope;
  private cleared: Promise<void> = Promise.resolve();
  /** Samples played when it was paused, until the line has told. */
  private estimate: number | undefined;
  private askedMs: number | undefined;
  private firstByteMs: number | undefined;
  private startMs: number | undefined;
  /** When its last sound was, once it was stopped. */
  private endMs: number | undefined;
  private concluded = false;

  constructor(
    private readonly mouth: SpeechOutput,
    private readonly words: Utterance,
  ) {
    this.mayInterrupt = words.interruptible;
    this.work = mouth.scope.child();
    this.over = new Promise((resolve) => {
      this.resolveOver = resolve;
    });
  }

  start(): void {
    this.run(false);
  }

  get interruptible(): boolean {
    return this.mayInterrupt && !this.busy;
  }

  /** Something of it can be heard now. */
  get audible(): boolean {
    return this.startMs !== undefined && !this.paused && this.mouth.playback.playing;
  }

  /** Adds a piece; what cannot be pronounced is only noted. */
  add(text: string, entry?: AssistantEntry, audio?: Int16Array): void {
    if (entry) entry.content = joined([entry.content, text]);
    if (!audio && !/[\p{L}\p{N}]/u.test(text)) return;
    this.segments.push(new SpeechSegment(text, entry, audio));
    this.changes.fire();
  }

  /** Adds a piece whose words come along with its sound: its text is the caller's to fill, its sound is synthesized. */
  stream(entry: AssistantEntry): SpeechSegment {
    const segment = new SpeechSegment('', entry);
    this.segments.push(segment);
    this.changes.fire();
    return segment;
  }

  /** The customer cannot interrupt while `act` runs. */
  async undisturbed<T>(act: () => Promise<T>): Promise<T> {
    this.busy = true;
    try {
      return await act();
    } finally {
      this.busy = false;
    }
  }

  /** It must be heard in full from now on. */
  protect(): void {
    this.mayInterrupt = false;
    this.release();
  }

  /** Resolves when all that was added so far was heard. */
  async heard(scope: CancellationScope): Promise<void> {
    while (this.next < this.segments.length) await scope.wait(this.changes.changed());
    await scope.wait(this.mouth.playback.mark());
  }

  /** Goes on in silence: what is found to say waits for `release`. */
  hold(): void {
    this.held = true;
  }

  release(): void {
    if (!this.held) return;
    this.held = false;
    this.changes.fire();
  }

  /** Silent at once; thinking and synthesis are given up. */
  pause(): void {
    if (this.paused || this.finished) return;
    this.paused = true;
    this.work.close();
    const { playback, scope } = this.mouth;
    const estimate = playback.played();
    this.endMs = this.lastSoundMs();
    this.estimate = estimate;
    this.cleared = scope.wait(playback.clear()).then(
      (played) => {
        this.credit(played);
      },
      () => {
        this.credit(estimate);
      },
    );
  }

  /** It was not an interruption after all: says the rest. */
  async resume(): Promise<void> {
    await this.cleared;
    if (!this.paused || this.mouth.scope.closed) return;
    this.paused = false;
    this.held = false;
    this.endMs = undefined;
    const next = this.segments.findIndex((segment) => !segment.heard);
    this.next = next < 0 ? this.segments.length : next;
    this.work = this.mouth.scope.child();
    this.run(true);
  }

  /** Stops for good. @returns what was heard of it, if anything; told once only */
  async giveUp(): Promise<Turn | undefined> {
    this.pause();
    await this.cleared;
    return this.conclude(true);
  }

  /** Stops for good, on a line that cannot be asked any more. `interrupted`: it wanted to say more. */
  abandon(interrupted = true): Turn | undefined {
    this.work.close();
    this.endMs ??= this.lastSoundMs();
    this.credit(this.estimate ?? this.mouth.playback.played());
    return this.conclude(interrupted);
  }

  /** What was heard of it, which is also what stays in the history. */
  conclude(interrupted: boolean): Turn | undefined {
    if (this.concluded) return undefined;
    this.concluded = true;
    this.work.close();
    const heard = playedText(
      this.segments,
      this.segments.reduce((sum, { heardSamples }) => sum + heardSamples / 8, 0),
    );
    for (const entry of new Set(this.segments.map(({ entry: of }) => of))) {
      if (entry) entry.content = joined(heard.filter((_, index) => this.segments[index]?.entry === entry));
    }
    const text = joined(heard);
    const whole = this.produced && this.segments.every((segment) => segment.heard);
    const { startMs, firstTokenMs, askedMs, firstByteMs } = this;
    if (startMs === undefined || !text) return undefined;
    return {
      ...{ speaker: 'agent', text, startMs, endMs: this.endMs ?? this.lastSoundMs() },
      interrupted: interrupted && !whole,
      latency: this.words.cause ? latencyOf(this.words.cause, { firstTokenMs, askedMs, firstByteMs, startMs }) : null,
    };
  }

  private run(resumed: boolean): void {
    const { work } = this;
    this.perform(work, resumed).then(
      (outcome) => {
        if (!work.closed) this.finish(outcome, undefined);
      },
      (error: unknown) => {
        if (work.closed) return;
        void this.failed(work, error);
      },
    );
  }

  private async perform(work: CancellationScope, resumed: boolean): Promise<'played' | 'cleared'> {
    const producing = this.produced ? undefined : this.words.produce(this, work, resumed);
    const done = producing?.then(() => {
      this.produced = true;
      this.changes.fire();
    });
    await Promise.all([done, this.pump(work)]);
    return work.wait(this.mouth.playback.mark());
  }

  /** What is on the line already may still be heard. */
  private async failed(work: CancellationScope, error: unknown): Promise<void> {
    this.mayInterrupt = false;
    work.close();
    const { scope, playback } = this.mouth;
    try {
      this.finish(await scope.wait(playback.mark()), error);
    } catch (broken) {
      // When the conversation is over, nobody waits for the outcome.
      if (!scope.closed) this.resolveOver({ error: broken });
    }
  }

  private finish(outcome: 'played' | 'cleared', error: unknown): void {
    const { playback } = this.mouth;
    // Cleared by somebody else: the line is closed.
    this.credit(outcome === 'played' ? playback.written : playback.played());
    this.finished = true;
    this.resolveOver({ error });
  }

  private async pump(work: CancellationScope): Promise<void> {
    for (;;) {
      const segment = this.segments[this.next];
      if (segment) {
        for (const pcm of segment.rest()) await this.write(segment, pcm, work);
        if (!segment.complete) await this.complete(segment, work);
        this.next++;
        this.changes.fire();
      } else if (this.produced) return;
      else await work.wait(this.changes.changed());
    }
  }

  private async complete(segment: SpeechSegment, work: CancellationScope): Promise<void> {
    this.askedMs ??= this.mouth.now();
    await this.mouth.synthesize(segment, work, async (pcm) => {
      this.firstByteMs ??= this.mouth.now();
      segment.arrived(pcm);
      await this.write(segment, pcm, work);
    });
    segment.complete = true;
  }

  private async write(segment: SpeechSegment, pcm: Int16Array, work: CancellationScope): Promise<void> {
    while (this.held) await work.wait(this.changes.changed());
    if (work.closed) return;
    this.startMs ??= this.mouth.now();
    segment.written(pcm.length, this.mouth.playback.written);
    this.mouth.playback.write(pcm);
  }

  private credit(played: number): void {
    this.estimate = undefined;
    for (const segment of this.segments) segment.credit(played);
  }

  private lastSoundMs(): number {
    return this.mouth.now() - this.mouth.playback.silentMs;
  }
}

/** Says words that are known. */
export const scripted =
  (...phrases: { text: string; audio?: Int16Array | undefined; entry?: AssistantEntry }[]): UtteranceSource =>
  (turn, _scope, resumed) => {
    if (!resumed) for (const { text, audio, entry } of phrases) turn.add(text, entry, audio);
    return Promise.resolve();
  };
