import { FRAME_MS } from '../../lib/audio/index.js';
import { type FarEnd, type FarEndAction, type FarEndMoment } from './far-end.js';

/** What a callee says, or which keys it presses one after the other, when it has its turn. */
export type CalleeLine = ({ say: string } | { press: string }) & {
  /** It does not wait for its turn: when the agent has spoken for so long, milliseconds, it is interrupted. */
  interruptsAfterMs?: number;
};

export interface CalleeScript {
  lines: readonly CalleeLine[];
  /** When all of it is said: hang up unless the agent does, say the last line again and again, or be silent. */
  then: 'hang up' | 'go on' | 'be silent';
}

/** The agent has finished when it was silent for so long: a natural moment. */
const PAUSE_MS = 600;
/** How long a callee waits for the agent's first words, and for an answer. */
const FIRST_WORDS_MS = 4_000;
const ANSWER_MS = 8_000;
/** How long it leaves it to the agent to hang up: longer than that takes at high speed on a busy machine. */
const GOODBYE_MS = 5_000;
const BETWEEN_KEYS_MS = 200;
const FAREWELL = /\b(good)?bye\b/i;

/** A person by a script: says its lines one by one, each when the agent has stopped speaking. */
export class Callee implements FarEnd {
  private readonly lines: CalleeLine[];
  private readonly then: CalleeScript['then'];
  private keys: string[] = [];
  /** For how long nobody has spoken. */
  private quietMs = 0;
  /** How long the agent has spoken since the last line. */
  private agentMs = 0;
  private hasBegun = false;
  private hasFinished = false;
  private isGone = false;

  constructor({ lines, then }: CalleeScript) {
    this.lines = [...lines];
    this.then = then;
  }

  next({ agentSpeaks, speaking, words }: FarEndMoment): FarEndAction | undefined {
    this.quietMs = agentSpeaks || speaking ? 0 : this.quietMs + FRAME_MS;
    // What the agent says while the callee speaks is no answer.
    if (speaking || this.isGone) return undefined;
    if (agentSpeaks) this.agentMs += FRAME_MS;
    if (this.keys.length > 0) return this.quietMs >= BETWEEN_KEYS_MS ? this.press() : undefined;
    const interrupts = this.agentMs >= (this.lines[0]?.interruptsAfterMs ?? Infinity);
    return interrupts || this.quietMs >= this.patienceMs() ? this.act(words) : undefined;
  }

  private patienceMs(): number {
    if (this.hasFinished) return GOODBYE_MS;
    if (this.agentMs > 0) return PAUSE_MS;
    return this.hasBegun ? ANSWER_MS : FIRST_WORDS_MS;
  }

  private act(words: () => string): FarEndAction | undefined {
    // Who is told goodbye has nothing to add.
    const isFarewell = this.then === 'hang up' && this.agentMs > 0 && FAREWELL.test(words());
    const line = isFarewell || this.hasFinished ? undefined : this.takeLine();
    if (!line) return this.finish();
    this.hasBegun = true;
    this.quietMs = 0;
    this.agentMs = 0;
    if ('say' in line) return { type: 'say', text: line.say };
    this.keys = [...line.press];
    return this.press();
  }

  private takeLine(): CalleeLine | undefined {
    return this.then === 'go on' && this.lines.length === 1 ? this.lines[0] : this.lines.shift();
  }

  private finish(): FarEndAction | undefined {
    this.isGone = this.hasFinished && this.then === 'hang up';
    this.hasFinished = true;
    if (!this.isGone) return undefined;
    return { type: 'hang_up', end: { reason: 'user_hangup', by: 'customer', sipCode: null, detail: null } };
  }

  private press(): FarEndAction | undefined {
    const key = this.keys.shift();
    this.quietMs = 0;
    return key === undefined ? undefined : { type: 'press', key };
  }
}
