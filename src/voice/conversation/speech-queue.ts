import { type UtteranceSource, type Utterance } from '../turn/agent-turn.js';
import { type Cause } from '../turn/turn-latency.js';

/** What the agent has to say, the next first: how it begins, then answers, then the rest. */
export class SpeechQueue {
  private readonly opening: Utterance[] = [];
  private readonly asides: Utterance[] = [];
  private owed: Cause | undefined;

  constructor(private readonly think: UtteranceSource) {}

  /** Said before all else, whatever the customer says meanwhile. */
  opensWith(words: Utterance): void {
    this.opening.push(words);
  }

  /** Said when nobody speaks and no answer is owed. */
  aside(words: Utterance): void {
    this.asides.push(words);
  }

  /** It was given up before any of it was heard. */
  again(words: Utterance): void {
    this.opening.unshift(words);
  }

  /** The customer has said something. */
  owe(cause: Cause): void {
    this.owed = cause;
  }

  next(): Utterance | undefined {
    const words = this.opening.shift() ?? this.answer() ?? this.asides.shift();
    // What opens the conversation answers whatever was said before.
    if (words) this.owed = undefined;
    return words;
  }

  /** The answer, if it is what comes next. */
  nextAnswer(): Utterance | undefined {
    return this.opening.length === 0 && this.owed ? this.next() : undefined;
  }

  private answer(): Utterance | undefined {
    return this.owed && { produce: this.think, interruptible: true, cause: this.owed };
  }
}
