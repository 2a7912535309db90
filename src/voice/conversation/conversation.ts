import { SpeechQueue } from './speech-queue.js';
import { AgentTurn, type UtteranceSource, scripted, type Utterance } from '../turn/agent-turn.js';
import { systemClock } from '../clock.js';
import { type ConversationEnd, type ConversationEvent, type Turn } from '../conversation-events.js';
import { type ConversationDeps } from './conversation-deps.js';
import { type Phrase } from '../conversation-settings.js';
import { limitDuration } from './duration-limit.js';
import { FRAME_MS } from '../pipeline/endpointing.js';
import { equip, type Equipment } from './equipment.js';
import { SpeechRecognition, type RecognizedUtterance } from '../pipeline/cascade/speech-recognition.js';
import { SerialQueue } from '../../lib/platform/index.js';
import { asUtterance, DtmfCollector } from './dtmf-collector.js';
import { type ConversationLine } from '../../lib/audio/index.js';
import { CancellationScope } from '../cancellation-scope.js';
import { type AfterSilence, InactivityTimer } from './inactivity-timer.js';
import { ReplyGenerator } from '../pipeline/cascade/reply-generator.js';
import { StageFailed } from '../pipeline/provider-chain.js';

/** The conversation on an open line: hears, thinks, speaks. Owns all it starts, until it ends or is stopped. */
export class Conversation {
  /**
   * Resolves with why the call is to be hung up; never when it was stopped before. Rejects when the conversation broke
   * through no fault of a provider.
   */
  readonly over: Promise<ConversationEnd>;
  private resolveOver: (end: ConversationEnd) => void = () => undefined;
  private rejectOver: (error: unknown) => void = () => undefined;
  private readonly scope: CancellationScope;
  /** What listens; it stops first. */
  private readonly ear: CancellationScope;
  private readonly gear: Equipment;
  private readonly hearing: SpeechRecognition;
  private readonly keypad: DtmfCollector;
  private readonly silence: InactivityTimer;
  private readonly think: UtteranceSource;
  private readonly agenda: SpeechQueue;
  private turn: AgentTurn | undefined;
  /** What it was begun with. */
  private words: Utterance | undefined;
  /** Why the call ends once the turn was heard. */
  private ending: ConversationEnd | undefined;
  private apologising = false;
  /** Somebody else talks with the customer. */
  handedOver = false;
  /** The customer is gone; the last words are still being understood. */
  private hungUp = false;
  private unlisten: () => void = () => undefined;
  private readonly inOrder = new SerialQueue((error) => {
    if (!this.scope.closed) this.break(error);
  });

  constructor(
    private readonly line: ConversationLine,
    private readonly parts: ConversationDeps,
  ) {
    this.scope = new CancellationScope(parts.clock ?? systemClock);
    this.ear = this.scope.child();
    this.gear = equip(line, parts, this.scope, { tell: this.tell, broken: this.break });
    this.think = this.thinking().produce;
    this.agenda = new SpeechQueue(this.think);
    this.hearing = this.listener();
    this.keypad = new DtmfCollector(this.ear, this.gear.settings.keyPauseMs, (keys) => {
      void this.inOrder.do(() => this.heard(asUtterance(keys, this.gear.time.now())));
    });
    this.silence = new InactivityTimer(this.ear, this.gear.settings.silence, (after) => {
      this.silent(after);
    });
    this.over = new Promise((resolve, reject) => {
      this.resolveOver = resolve;
      this.rejectOver = reject;
    });
  }

  start(): void {
    const { settings, time, apology } = this.gear;
    this.unlisten = this.line.listen((frame, atMs) => {
      time.heard(atMs + FRAME_MS);
      this.hearing.frame(frame, atMs);
    });
    limitDuration(this.scope, settings, {
      warn: (phrase) => {
        this.agenda.aside({ produce: this.say(phrase), interruptible: false });
        this.settle();
      },
      over: () => {
        this.record(this.turn?.abandon());
        this.finish({ reason: 'max_duration_reached', detail: null });
      },
    });
    apology.prepare(this.scope).catch((error: unknown) => {
      if (!this.scope.closed) this.break(error);
    });
    const { notice, firstSpeaker, firstMessage } = settings;
    if (notice) this.agenda.opensWith({ produce: scripted(notice), interruptible: false });
    if (firstSpeaker === 'agent') {
      const produce = firstMessage ? this.say(firstMessage) : this.think;
      this.agenda.opensWith({ produce, interruptible: true, again: firstMessage !== undefined });
    }
    this.settle();
  }

  /** The customer has pressed a key. */
  dtmf(key: string): void {
    if (this.ear.closed) return;
    this.silence.stop();
    if (this.turn?.interruptible && !this.turn.audible) this.turn.hold();
    else this.interrupt();
    this.keypad.press(key);
  }

  /**
   * The customer has hung up. Resolves when the last words of both are told: `transcriptionMs` later at most, as often
   * as a provider may be asked. `stop` does not wait for them.
   */
  async hangUp(): Promise<void> {
    if (this.scope.closed) return;
    this.hungUp = true;
    this.unlisten();
    this.silence.stop();
    this.record(this.turn?.abandon());
    this.turn = undefined;
    await this.hearing.finish();
    this.close();
  }

  /** The call is over for other reasons. What was heard of the agent's last words is still told. */
  stop(): void {
    if (this.scope.closed) return;
    const turn = this.turn?.abandon();
    this.close();
    this.record(turn);
  }

  /** Nothing is heard, said or timed any more, and `over` never resolves: the call ends with the line. */
  private handOver(): void {
    if (this.scope.closed) return;
    this.handedOver = true;
    const turn = this.turn?.abandon(false);
    this.close();
    this.record(turn);
  }

  private thinking(): ReplyGenerator {
    const { history, settings, time, models } = this.gear;
    return new ReplyGenerator({
      ...{ history, settings, models, now: time.now, tools: this.parts.tools ?? [], tell: this.tell },
      ending: () => this.ending !== undefined || this.scope.closed,
      handOver: () => {
        this.handOver();
      },
      endAfter: (turn, end) => {
        this.ending ??= end;
        turn.protect();
      },
    });
  }

  private listener(): SpeechRecognition {
    const { settings, time, transcribers } = this.gear;
    return new SpeechRecognition(this.ear, transcribers, settings, time.now, this.tell, {
      started: () => {
        if (this.turn?.interruptible && !this.turn.audible) this.turn.hold();
        this.silence.stop();
      },
      voiced: (voicedMs) => {
        if (voicedMs >= this.gear.settings.interruptMs) this.interrupt();
      },
      heard: (utterance) => this.inOrder.do(() => this.heard(utterance)),
      failed: (error) => {
        void this.inOrder.do(() => this.cannotHear(error));
      },
    });
  }

  private say(phrase: Phrase): UtteranceSource {
    return (turn, scope, resumed) =>
      scripted({ ...phrase, entry: this.gear.history.assistant() })(turn, scope, resumed);
  }

  /** Silence, for a moment: decides what comes next. */
  private settle(): void {
    if (this.scope.closed || this.hungUp || this.turn || this.hearing.busy || this.keypad.busy) return;
    const words = this.agenda.next();
    if (words) this.begin(words);
    else this.silence.start();
  }

  private silent({ last, phrase }: AfterSilence): void {
    if (last) this.ending = { reason: 'inactivity', detail: 'The customer said nothing' };
    if (phrase) this.begin({ produce: this.say(phrase), interruptible: true });
    else if (this.ending) this.finish(this.ending);
  }

  private begin(words: Utterance): void {
    this.silence.stop();
    const turn = new AgentTurn(this.gear.mouth, words);
    this.turn = turn;
    this.words = words;
    if (this.hearing.busy && turn.interruptible) turn.hold();
    void turn.over.then(({ error }) =>
      this.inOrder.do(() => {
        this.turnOver(turn, error);
      }),
    );
    turn.start();
  }

  private turnOver(turn: AgentTurn, error: unknown): void {
    if (this.turn !== turn || this.scope.closed) return;
    this.turn = undefined;
    this.record(turn.conclude(error !== undefined));
    if (error !== undefined) this.apologise(error);
    else if (this.ending) this.finish(this.ending);
    else this.settle();
  }

  private interrupt(): void {
    const { turn } = this;
    // What is not heard yet can be taken back in any case.
    if (turn?.audible && !this.gear.settings.interruptible) return;
    if (turn?.interruptible && !turn.held) turn.pause();
  }

  private async heard(utterance: RecognizedUtterance): Promise<void> {
    if (this.ear.closed) return;
    if (utterance.text) await this.customerSaid(utterance);
    else if (!this.hearing.busy && !this.keypad.busy) {
      if (this.turn?.paused) await this.turn.resume();
      else this.turn?.release();
    }
    this.settle();
  }

  private async customerSaid(utterance: RecognizedUtterance): Promise<void> {
    const { text, startMs, endMs, voicedMs } = utterance;
    this.silence.answered();
    const { turn, words } = this;
    const goesOn = turn && !turn.paused && !(turn.held && turn.interruptible);
    const gone = goesOn ? undefined : await this.giveUp();
    this.gear.history.user(text);
    this.record({ speaker: 'customer', text, startMs, endMs, interrupted: false, latency: null });
    if (this.scope.closed || this.hungUp) return;
    if (goesOn) turn.release();
    // Back in time: these are not the last words after all.
    else this.ending = undefined;
    // A short word while the agent speaks ("mhm") wants no answer of its own.
    if (!goesOn || voicedMs >= this.gear.settings.interruptMs) this.agenda.owe(utterance);
    // Who says "Hello?" into the first silence is answered by the first message.
    if (turn && !goesOn && !gone && words?.again) this.agenda.again(words);
    // Another utterance may follow at once; if it is none, the answer is ready the sooner.
    const answer = !this.turn && this.hearing.busy ? this.agenda.nextAnswer() : undefined;
    if (answer) this.begin(answer);
  }

  private async cannotHear(error: unknown): Promise<void> {
    // The last words need no answer.
    if (this.hungUp || (this.ending && this.turn && !this.turn.paused && !this.turn.held)) return;
    await this.giveUp();
    if (!this.scope.closed) this.apologise(error);
  }

  /** @returns what was heard of the turn, if anything */
  private async giveUp(): Promise<Turn | undefined> {
    const { turn } = this;
    const record = await turn?.giveUp();
    if (this.turn === turn) this.turn = undefined;
    this.record(record);
    return record;
  }

  /** @param error why the conversation cannot go on; thrown when it is no fault of a provider */
  private apologise(error: unknown): void {
    if (!(error instanceof StageFailed)) throw error;
    this.ear.close();
    if (this.apologising && this.ending) {
      this.finish(this.ending);
      return;
    }
    const reason = error.stage === 'model' ? 'error_llm_provider' : 'error_speech_provider';
    this.ending = { reason, detail: error.message };
    this.apologising = true;
    const produce = this.gear.apology.produce(error.stage !== 'speech');
    if (produce) this.begin({ produce, interruptible: false });
    else this.finish(this.ending);
  }

  private readonly tell = (event: ConversationEvent): void => {
    try {
      this.parts.tell?.(event);
    } catch (error) {
      this.break(error);
    }
  };

  private record(turn: Turn | undefined): void {
    if (turn) this.tell({ type: 'turn', turn });
  }

  private finish(end: ConversationEnd): void {
    if (this.scope.closed) return;
    this.close();
    this.tell({ type: 'ended', end });
    this.resolveOver(end);
  }

  private readonly break = (error: unknown): void => {
    this.close();
    this.rejectOver(error);
  };

  private close(): void {
    this.unlisten();
    this.turn = undefined;
    this.scope.close();
  }
}
