import { type SerialQueue } from '../../lib/platform/index.js';
import { type CancellationScope } from '../cancellation-scope.js';
import { type ConversationEnd, type Turn } from '../conversation-events.js';
import { AgentTurn, type SpeechOutput, type Utterance } from '../turn/agent-turn.js';
import { type InactivityTimer } from './inactivity-timer.js';
import { type SpeechQueue } from './speech-queue.js';

export interface AgentSpeechDeps {
  scope: CancellationScope;
  output: SpeechOutput;
  queue: SpeechQueue;
  inactivity: InactivityTimer;
  tasks: SerialQueue;
  /** Whether the customer can stop the agent once it is audible. */
  interruptible: boolean;
  /** The customer speaks, or it is not decided yet what follows. */
  isCustomerBusy: () => boolean;
  record: (turn: Turn | undefined) => void;
  /** A turn was played or has failed: the next one may begin, or the call ends. */
  turnDone: (error: unknown) => void;
  /** Called once for each turn, however it ended. */
  turnEnded: (turn: AgentTurn) => void;
}

/** The agent's side of the conversation: the turn that it has, and what it says next. */
export class AgentSpeech {
  turn: AgentTurn | undefined;
  /** What the turn says. */
  utterance: Utterance | undefined;
  /** How the call ends after the turn was played. */
  ending: ConversationEnd | undefined;
  private muted = false;

  constructor(private readonly deps: AgentSpeechDeps) {}

  /** false: the conversation is over, or the customer has hung up. */
  canSpeak(): boolean {
    return !this.deps.scope.closed && !this.muted;
  }

  /** Starts the next speech while neither side speaks. */
  settle(): void {
    const { queue, inactivity, isCustomerBusy } = this.deps;
    if (!this.canSpeak() || this.turn || isCustomerBusy()) return;
    const utterance = queue.next();
    if (utterance) this.begin(utterance);
    else inactivity.start();
  }

  begin(utterance: Utterance): void {
    const { output, inactivity, tasks, isCustomerBusy } = this.deps;
    inactivity.stop();
    const turn = new AgentTurn(output, utterance);
    this.turn = turn;
    this.utterance = utterance;
    if (isCustomerBusy() && turn.interruptible) turn.hold();
    void turn.outcome.then(({ error }) =>
      tasks.do(() => {
        this.end(turn, error);
      }),
    );
    turn.start();
  }

  endAfter(turn: AgentTurn, end: ConversationEnd): void {
    this.ending ??= end;
    turn.protect();
  }

  /** Keeps what is not audible yet back. @returns whether there is such a turn */
  hold(): boolean {
    const { turn } = this;
    if (!turn?.interruptible || turn.audible) return false;
    turn.hold();
    return true;
  }

  interrupt(): void {
    const { turn } = this;
    // A turn that is not audible yet is taken back in any case.
    if (turn?.audible && !this.deps.interruptible) return;
    if (turn?.interruptible && !turn.held) turn.pause();
  }

  /** Continues after noise. */
  async resume(): Promise<void> {
    if (this.deps.isCustomerBusy()) return;
    if (this.turn?.paused) await this.turn.resume();
    else this.turn?.release();
  }

  /** Whether the turn continues although the customer has spoken. */
  get isUnaffected(): boolean {
    const { turn } = this;
    return turn !== undefined && !turn.paused && !(turn.held && turn.interruptible);
  }

  /** @returns the turn as far as it was played */
  async stop(): Promise<Turn | undefined> {
    const { turn } = this;
    const record = await turn?.stop();
    if (turn) this.deps.turnEnded(turn);
    if (this.turn === turn) this.turn = undefined;
    this.deps.record(record);
    return record;
  }

  /** Ends the turn on a line that is not asked any more. @returns the turn as far as it was played */
  detach(interrupted = true): Turn | undefined {
    return this.turn?.detach(interrupted);
  }

  /** The customer has hung up: the agent says nothing more. */
  mute(): void {
    this.muted = true;
    const { turn } = this;
    this.deps.record(this.detach());
    if (turn) this.deps.turnEnded(turn);
    this.turn = undefined;
  }

  private end(turn: AgentTurn, error: unknown): void {
    const { scope, record, turnEnded, turnDone } = this.deps;
    if (this.turn !== turn || scope.closed) return;
    this.turn = undefined;
    record(turn.end(error !== undefined));
    turnEnded(turn);
    turnDone(error);
  }
}
