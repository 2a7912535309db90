import { type Turn } from '../conversation-events.js';
import { type AssistantEntry } from './chat-history.js';
import { AsyncSignal } from '../../lib/platform/index.js';
import { type Playback } from './playback.js';
import { type CancellationScope } from '../cancellation-scope.js';
import { SpeechSegment } from './speech-segment.js';
import { playedText, joined } from './spoken-text.js';
import { type AnsweredSpeech, latencyOf } from './turn-latency.js';

/** Adds speech to the turn. `resumed`: it was cut short before. */
export type UtteranceSource = (turn: AgentTurn, scope: CancellationScope, resumed: boolean) => Promise<void>;

/** Speech of the agent that waits for its turn. */
export interface Utterance {
  source: UtteranceSource;
  interruptible: boolean;
  /** The speech of the customer that it answers. */
  answerTo?: AnsweredSpeech | undefined;
  /** Is said again when the customer spoke before any of it was played. */
  repeatable?: boolean;
}

/** The way of a turn to the line. */
export interface SpeechOutput {
  scope: CancellationScope;
  playback: Playback;
  /** Milliseconds since the answer. */
  now: () => number;
  /** Passes the missing audio of a segment on, from its `samples` on. */
  synthesize: (
    segment: SpeechSegment,
    scope: CancellationScope,
    arrived: (pcm: Int16Array) => Promise<void>,
  ) => Promise<void>;
}

/**
 * A turn of the agent, from the request for its text until its speech was played. It can be held before it is audible and
 * paused while it is audible; then it is released, resumed or stopped.
 */
export class AgentTurn {
  /** Resolves when all speech was played, or with the error that prevented it; never when the turn was stopped before. */
  readonly outcome: Promise<{ error: unknown }>;
  /** When the model's first word came; set by the reply generator. */
  firstTokenMs: number | undefined;
  paused = false;
  held = false;
  private finished = false;
  private mayInterrupt: boolean;
  private isBusy = false;
  private resolveOutcome: (outcome: { error: unknown }) => void = () => undefined;
  private readonly segments: SpeechSegment[] = [];
  private readonly changes = new AsyncSignal();
  private nextSegment = 0;
  private produced = false;
  private work: CancellationScope;
  private cleared: Promise<void> = Promise.resolve();
  /** Estimate of the samples played before the pause, until the line reports their number. */
  private playedEstimate: number | undefined;
  private speechAskedMs: number | undefined;
  private firstByteMs: number | undefined;
  private startMs: number | undefined;
  /** When its last sound was played, once it is stopped. */
  private endMs: number | undefined;
  private hasEnded = false;

  constructor(
    private readonly output: SpeechOutput,
    private readonly utterance: Utterance,
  ) {
    this.mayInterrupt = utterance.interruptible;
    this.work = output.scope.child();
    this.outcome = new Promise((resolve) => {
      this.resolveOutcome = resolve;
    });
  }

  start(): void {
    this.run(false);
  }

  get interruptible(): boolean {
    return this.mayInterrupt && !this.isBusy;
  }

  /** Whether its speech is being played. */
  get audible(): boolean {
    return this.startMs !== undefined && !this.paused && this.output.playback.playing;
  }

  /** Adds a piece of text. A piece without a letter or digit is in the history only. */
  add(text: string, entry?: AssistantEntry, audio?: Int16Array): void {
    if (entry) entry.content = joined([entry.content, text]);
    if (!audio && !/[\p{L}\p{N}]/u.test(text)) return;
    this.segments.push(new SpeechSegment(text, entry, audio));
    this.changes.fire();
  }

  /** Adds a piece whose text comes along with its audio and is filled by the caller. */
  stream(entry: AssistantEntry): SpeechSegment {
    const segment = new SpeechSegment('', entry);
    this.segments.push(segment);
    this.changes.fire();
    return segment;
  }

  /** The customer cannot interrupt while `act` runs. */
  async undisturbed<T>(act: () => Promise<T>): Promise<T> {
    this.isBusy = true;
    try {
      return await act();
    } finally {
      this.isBusy = false;
    }
  }

  /** From now on the turn is played in full. */
  protect(): void {
    this.mayInterrupt = false;
    this.release();
  }

  /** Resolves when all speech that was added so far was played. */
  async played(scope: CancellationScope): Promise<void> {
    while (this.nextSegment < this.segments.length) await scope.wait(this.changes.changed());
    await scope.wait(this.output.playback.mark());
  }

  /** Goes on without a sound: speech waits for `release`. */
  hold(): void {
    this.held = true;
  }

  release(): void {
    if (!this.held) return;
    this.held = false;
    this.changes.fire();
  }

  /** Clears the line and cancels the requests for text and speech. */
  pause(): void {
    if (this.paused || this.finished) return;
    this.paused = true;
    this.work.close();
    const { playback, scope } = this.output;
    const estimate = playback.played();
    this.endMs = this.lastSoundMs();
    this.playedEstimate = estimate;
    this.cleared = scope.wait(playback.clear()).then(
      (played) => {
        this.credit(played);
      },
      () => {
        this.credit(estimate);
      },
    );
  }

  /** Plays the rest after a pause. */
  async resume(): Promise<void> {
    await this.cleared;
    if (!this.paused || this.output.scope.closed) return;
    this.paused = false;
    this.held = false;
    this.endMs = undefined;
    const next = this.segments.findIndex((segment) => !segment.isPlayed);
    this.nextSegment = next < 0 ? this.segments.length : next;
    this.work = this.output.scope.child();
    this.run(true);
  }

  /** Ends the turn. @returns the played part, if any, once only */
  async stop(): Promise<Turn | undefined> {
    this.pause();
    await this.cleared;
    return this.end(true);
  }

  /** Ends the turn on a line that cannot be asked any more. `interrupted`: there was more to say. */
  detach(interrupted = true): Turn | undefined {
    this.work.close();
    this.endMs ??= this.lastSoundMs();
    this.credit(this.playedEstimate ?? this.output.playback.played());
    return this.end(interrupted);
  }

  /** Reduces the history to what was played. @returns the played part, if any, once only */
  end(interrupted: boolean): Turn | undefined {
    if (this.hasEnded) return undefined;
    this.hasEnded = true;
    this.work.close();
    const played = playedText(
      this.segments,
      this.segments.reduce((sum, { playedMs }) => sum + playedMs, 0),
    );
    for (const entry of new Set(this.segments.map((segment) => segment.entry))) {
      if (entry) entry.content = joined(played.filter((_, index) => this.segments[index]?.entry === entry));
    }
    const text = joined(played);
    const whole = this.produced && this.segments.every((segment) => segment.isPlayed);
    const { startMs, firstTokenMs, speechAskedMs, firstByteMs } = this;
    const { answerTo } = this.utterance;
    if (startMs === undefined || !text) return undefined;
    return {
      speaker: 'agent',
      text,
      startMs,
      endMs: this.endMs ?? this.lastSoundMs(),
      interrupted: interrupted && !whole,
      latency: answerTo ? latencyOf(answerTo, { firstTokenMs, speechAskedMs, firstByteMs, startMs }) : null,
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
    const producing = this.produced ? undefined : this.utterance.source(this, work, resumed);
    const done = producing?.then(() => {
      this.produced = true;
      this.changes.fire();
    });
    await Promise.all([done, this.pump(work)]);
    return work.wait(this.output.playback.mark());
  }

  /** Fails after the speech was played that is on the line already. */
  private async failed(work: CancellationScope, error: unknown): Promise<void> {
    this.mayInterrupt = false;
    work.close();
    const { scope, playback } = this.output;
    try {
      this.finish(await scope.wait(playback.mark()), error);
    } catch (broken) {
      // The outcome of a turn does not matter after the conversation.
      if (!scope.closed) this.resolveOutcome({ error: broken });
    }
  }

  private finish(outcome: 'played' | 'cleared', error: unknown): void {
    const { playback } = this.output;
    // A line that was cleared without this turn is closed.
    this.credit(outcome === 'played' ? playback.written : playback.played());
    this.finished = true;
    this.resolveOutcome({ error });
  }

  private async pump(work: CancellationScope): Promise<void> {
    for (;;) {
      const segment = this.segments[this.nextSegment];
      if (segment) {
        for (const pcm of segment.unplayed()) await this.write(segment, pcm, work);
        if (!segment.complete) await this.complete(segment, work);
        this.nextSegment++;
        this.changes.fire();
      } else if (this.produced) return;
      else await work.wait(this.changes.changed());
    }
  }

  private async complete(segment: SpeechSegment, work: CancellationScope): Promise<void> {
    this.speechAskedMs ??= this.output.now();
    await this.output.synthesize(segment, work, async (pcm) => {
      this.firstByteMs ??= this.output.now();
      segment.arrived(pcm);
      await this.write(segment, pcm, work);
    });
    segment.complete = true;
  }

  private async write(segment: SpeechSegment, pcm: Int16Array, work: CancellationScope): Promise<void> {
    while (this.held) await work.wait(this.changes.changed());
    if (work.closed) return;
    this.startMs ??= this.output.now();
    segment.written(pcm.length, this.output.playback.written);
    this.output.playback.write(pcm);
  }

  private credit(played: number): void {
    this.playedEstimate = undefined;
    for (const segment of this.segments) segment.credit(played);
  }

  private lastSoundMs(): number {
    return this.output.now() - this.output.playback.silentMs;
  }
}
