import { SpeechQueue } from './speech-queue.js';
import { AgentTurn, type SpeechOutput, scripted, type Utterance } from '../turn/agent-turn.js';
import { systemClock } from '../clock.js';
import { congestionTone, type ConversationLine } from '../../lib/audio/index.js';
import { type ConversationEnd, type ConversationEvent, type Turn } from '../conversation-events.js';
import { type ConversationSettings, conversationSettings } from '../conversation-settings.js';
import { limitDuration } from './duration-limit.js';
import { FRAME_MS } from '../pipeline/endpointing.js';
import { ChatHistory, type UserEntry } from '../turn/chat-history.js';
import { SerialQueue } from '../../lib/platform/index.js';
import { asUtterance, DtmfCollector } from './dtmf-collector.js';
import { CallClock } from './call-clock.js';
import { Playback } from '../turn/playback.js';
import { RealtimeRecognition, type RealtimeUtterance } from '../pipeline/realtime/realtime-recognition.js';
import { RealtimeLink } from '../pipeline/realtime/realtime-link.js';
import { type RealtimeDeps } from './realtime-deps.js';
import { RealtimeReplyGenerator } from '../pipeline/realtime/realtime-reply-generator.js';
import { CancellationScope } from '../cancellation-scope.js';
import { type AfterSilence, InactivityTimer } from './inactivity-timer.js';
import { ProviderChain, StageFailed } from '../pipeline/provider-chain.js';

/** So long it is waited for the words of whoever interrupts; then it was an interruption, whatever they were. */
const DOUBT_MS = 1_500;

/** An utterance, and what is known of it. */
interface Said extends RealtimeUtterance {
  /** Its place in the history. */
  entry: UserEntry;
}

/**
 * The conversation on an open line with one model that hears and speaks itself. The model is asked as soon as the
 * customer has finished, and its words come later; only while the agent has its turn they are waited for, as they tell an
 * interruption from noise. Owns all it starts, until it ends or is stopped.
 */
export class RealtimeConversation {
  /**
   * Resolves with why the call is to be hung up; never when it was stopped before. Rejects when the conversation broke
   * through no fault of the provider.
   */
  readonly over: Promise<ConversationEnd>;
  private resolveOver: (end: ConversationEnd) => void = () => undefined;
  private rejectOver: (error: unknown) => void = () => undefined;
  private readonly scope: CancellationScope;
  /** What listens; it stops first. */
  private readonly ear: CancellationScope;
  private readonly settings: ConversationSettings;
  private readonly time: CallClock;
  private readonly history: ChatHistory;
  private readonly link: RealtimeLink;
  private readonly thinking: RealtimeReplyGenerator;
  private readonly mouth: SpeechOutput;
  private readonly hearing: RealtimeRecognition;
  private readonly keypad: DtmfCollector;
  private readonly silence: InactivityTimer;
  private readonly agenda: SpeechQueue;
  private turn: AgentTurn | undefined;
  /** What it was begun with. */
  private words: Utterance | undefined;
  /** Utterances of which it is not known yet what follows from them. */
  private undecided = 0;
  /** Resolves when all that the customer said is told. */
  private noted: Promise<unknown> = Promise.resolve();
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
    private readonly parts: RealtimeDeps,
  ) {
    const scope = (this.scope = new CancellationScope(parts.clock ?? systemClock));
    this.ear = scope.child();
    const settings = (this.settings = conversationSettings(parts.settings));
    this.time = new CallClock(scope.clock);
    this.history = new ChatHistory(settings.instructions);
    this.link = this.connection();
    this.thinking = this.thoughts();
    this.mouth = {
      ...{ scope, now: this.time.now, synthesise: this.thinking.synthesise },
      playback: new Playback(line, scope.clock, this.break),
    };
    this.agenda = new SpeechQueue(this.thinking.produce);
    this.hearing = this.listener();
    this.keypad = new DtmfCollector(this.ear, settings.keyPauseMs, (keys) => {
      void this.inOrder.do(() => this.pressed(keys));
    });
    this.silence = new InactivityTimer(this.ear, settings.silence, (after) => {
      this.silent(after);
    });
    this.over = new Promise((resolve, reject) => {
      this.resolveOver = resolve;
      this.rejectOver = reject;
    });
  }

  start(): void {
    const { settings, time, thinking } = this;
    this.unlisten = this.line.listen((frame, atMs) => {
      time.heard(atMs + FRAME_MS);
      this.hearing.frame(frame, atMs);
    });
    limitDuration(this.scope, settings, {
      warn: (phrase) => {
        this.agenda.aside({ produce: thinking.phrase(phrase), interruptible: false });
        this.settle();
      },
      over: () => {
        this.record(this.turn?.abandon());
        this.finish({ reason: 'max_duration_reached', detail: null });
      },
    });
    this.link.prepare();
    const { notice, firstSpeaker, firstMessage } = settings;
    if (notice) this.agenda.opensWith({ produce: thinking.phrase(notice), interruptible: false });
    if (firstSpeaker === 'agent') {
      const produce = firstMessage ? thinking.phrase(firstMessage) : thinking.produce;
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
   * The customer has hung up. Resolves when the last words of both are told: `transcriptionMs` later at most. `stop` does
   * not wait for them.
   */
  async hangUp(): Promise<void> {
    if (this.scope.closed) return;
    this.hungUp = true;
    this.unlisten();
    this.silence.stop();
    const { turn } = this;
    this.record(turn?.abandon());
    if (turn) this.thinking.end(turn);
    this.turn = undefined;
    await this.hearing.finish();
    await this.noted;
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

  private connection(): RealtimeLink {
    const { settings, history, parts } = this;
    const { voice, language } = settings;
    const tools = (parts.tools ?? []).map(({ definition }) => definition);
    return new RealtimeLink(this.scope, parts.provider, () => ({
      ...{ messages: history.messages(), tools, voice, language },
    }));
  }

  private thoughts(): RealtimeReplyGenerator {
    const { scope, settings, history, link, tell, time, parts } = this;
    return new RealtimeReplyGenerator({
      ...{ scope, settings, history, link, tell, now: time.now, tools: parts.tools ?? [] },
      stage: new ProviderChain('model', { primary: parts.provider }, tell),
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

  private listener(): RealtimeRecognition {
    return new RealtimeRecognition(this.ear, this.link, this.settings, this.time.now, {
      started: () => {
        if (this.turn?.interruptible && !this.turn.audible) this.turn.hold();
        this.silence.stop();
      },
      voiced: (voicedMs) => {
        if (voicedMs >= this.settings.interruptMs) this.interrupt();
      },
      ended: (utterance) => {
        const said = { ...utterance, entry: this.history.user('') };
        const decided = this.turn ? this.doubt(said) : this.answer(said);
        this.noted = Promise.all([this.noted, this.note(said, decided)]);
      },
    });
  }

  /** The customer speaks, or it is not known yet what follows. */
  private get busy(): boolean {
    return this.hearing.busy || this.undecided > 0 || this.keypad.busy;
  }

  /** Silence, for a moment: decides what comes next. */
  private settle(): void {
    if (this.scope.closed || this.hungUp || this.turn || this.busy) return;
    const words = this.agenda.next();
    if (words) this.begin(words);
    else this.silence.start();
  }

  private silent({ last, phrase }: AfterSilence): void {
    if (last) this.ending = { reason: 'inactivity', detail: 'The customer said nothing' };
    if (phrase) this.begin({ produce: this.thinking.phrase(phrase), interruptible: true });
    else if (this.ending) this.finish(this.ending);
  }

  private begin(words: Utterance): void {
    this.silence.stop();
    const turn = new AgentTurn(this.mouth, words);
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
    this.thinking.end(turn);
    if (error !== undefined) this.apologise(error);
    else if (this.ending) this.finish(this.ending);
    else this.settle();
  }

  private interrupt(): void {
    const { turn } = this;
    // What is not heard yet can be taken back in any case.
    if (turn?.audible && !this.settings.interruptible) return;
    if (turn?.interruptible && !turn.held) turn.pause();
  }

  /** Nobody else speaks: the model answers at once. It was noise: unless it has begun, it need not. */
  private async answer({ endMs, decidedMs, text: coming }: Said): Promise<void> {
    if (this.hungUp) return;
    this.agenda.owe({ endMs, decidedMs, transcribedMs: decidedMs, transcriptionMs: 0 });
    this.settle();
    const { turn, words } = this;
    if (!turn || !words?.cause || (await coming) !== '') return;
    await this.inOrder.do(async () => {
      if (this.turn !== turn || turn.firstTokenMs !== undefined) return;
      await this.giveUp();
      this.settle();
    });
  }

  /** The agent has its turn: the words tell what becomes of it. */
  private async doubt(said: Said): Promise<void> {
    if (this.hungUp) return;
    this.undecided++;
    const limitMs = Math.min(DOUBT_MS, this.settings.limits.transcriptionMs);
    const text = await this.ear.wait(said.text, limitMs).catch(() => undefined);
    await this.inOrder.do(async () => {
      this.undecided--;
      if (this.ear.closed || this.hungUp) return;
      if (text === '') await this.goOn();
      else {
        const transcribedMs = this.time.now();
        await this.saidMeanwhile({ ...said, transcribedMs, transcriptionMs: transcribedMs - said.decidedMs });
      }
      this.settle();
    });
  }

  private async goOn(): Promise<void> {
    if (this.busy) return;
    if (this.turn?.paused) await this.turn.resume();
    else this.turn?.release();
  }

  private async saidMeanwhile(said: Said & { transcribedMs: number; transcriptionMs: number }): Promise<void> {
    const { turn, words } = this;
    const goesOn = turn && !turn.paused && !(turn.held && turn.interruptible);
    const gone = goesOn ? undefined : await this.giveUp();
    if (this.scope.closed || this.hungUp) return;
    if (goesOn) turn.release();
    // Back in time: these are not the last words after all.
    else this.ending = undefined;
    // A short word while the agent speaks ("mhm") wants no answer of its own.
    if (!goesOn || said.voicedMs >= this.settings.interruptMs) this.agenda.owe(said);
    // Who says "Hello?" into the first silence is answered by the first message.
    if (turn && !goesOn && !gone && words?.again) this.agenda.again(words);
  }

  /** Tells what the customer said, when it is known, and after what it made of the agent's turn. */
  private async note({ text: coming, entry, startMs, endMs }: Said, decided: Promise<void>): Promise<void> {
    await decided;
    const text = await coming;
    if (text === '') return;
    await this.inOrder.do(() => {
      this.silence.answered();
      // Something was said, but nobody can write down what.
      if (text === undefined) return;
      entry.content = text;
      this.record({ speaker: 'customer', text, startMs, endMs, interrupted: false, latency: null });
    });
  }

  private async pressed(keys: string): Promise<void> {
    if (this.ear.closed) return;
    const said = asUtterance(keys, this.time.now());
    const { text, startMs, endMs } = said;
    this.link.add({ role: 'user', content: text });
    const entry = this.history.user(text);
    await this.saidMeanwhile({ ...said, text: Promise.resolve(text), entry });
    this.silence.answered();
    this.record({ speaker: 'customer', text, startMs, endMs, interrupted: false, latency: null });
    this.settle();
  }

  /** @returns what was heard of the turn, if anything */
  private async giveUp(): Promise<Turn | undefined> {
    const { turn } = this;
    const record = await turn?.giveUp();
    if (turn) this.thinking.end(turn);
    if (this.turn === turn) this.turn = undefined;
    this.record(record);
    return record;
  }

  /** @param error why the conversation cannot go on; thrown when it is no fault of the provider */
  private apologise(error: unknown): void {
    if (!(error instanceof StageFailed)) throw error;
    this.ear.close();
    this.ending = { reason: 'error_llm_provider', detail: error.message };
    const { text, audio } = this.settings.apology;
    const apology = audio ? { text, audio } : { text: '', audio: congestionTone() };
    if (!text || this.apologising) this.finish(this.ending);
    else this.begin({ produce: scripted(apology), interruptible: false });
    this.apologising = true;
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
    this.link.close();
  }
}
