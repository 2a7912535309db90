import { type UtteranceSource, type Utterance } from '../turn/agent-turn.js';
import { type AnsweredSpeech } from '../turn/turn-latency.js';

/** The agent's speech that waits for its turn: openings, then the answer to the customer, then asides. */
export class SpeechQueue {
  private readonly openings: Utterance[] = [];
  private readonly asides: Utterance[] = [];
  private owedTo: AnsweredSpeech | undefined;

  constructor(private readonly reply: UtteranceSource) {}

  /** Openings come before all else, even when the customer speaks first. */
  addOpening(utterance: Utterance): void {
    this.openings.push(utterance);
  }

  /** Asides come when no answer is owed. */
  addAside(utterance: Utterance): void {
    this.asides.push(utterance);
  }

  /** The opening was stopped before any of it was played. */
  repeat(utterance: Utterance): void {
    this.openings.unshift(utterance);
  }

  /** The customer has spoken and waits for an answer. */
  oweAnswer(speech: AnsweredSpeech): void {
    this.owedTo = speech;
  }

  next(): Utterance | undefined {
    const utterance = this.openings.shift() ?? this.answer() ?? this.asides.shift();
    // An opening or an aside answers what the customer said before.
    if (utterance) this.owedTo = undefined;
    return utterance;
  }

  /** The answer, if it comes next. */
  nextAnswer(): Utterance | undefined {
    return this.openings.length === 0 && this.owedTo ? this.next() : undefined;
  }

  private answer(): Utterance | undefined {
    return this.owedTo && { source: this.reply, interruptible: true, answerTo: this.owedTo };
  }
}
