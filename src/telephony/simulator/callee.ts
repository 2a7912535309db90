import { FRAME_MS } from '../../lib/audio/index.js';
import { type FarEnd, type FarEndAction, type FarEndMoment } from './far-end.js';

/** One turn of a callee: words, or keys pressed one after the other. */
export type CalleeLine = ({ say: string } | { press: string }) & {
  /** Interrupts the agent after so many milliseconds of its speech, instead of waiting for a pause. */
  interruptsAfterMs?: number;
};

export interface CalleeScript {
  lines: readonly CalleeLine[];
  /** After the last line: hang up unless the agent does, repeat the last line for ever, or be silent. */
  then: 'hang up' | 'go on' | 'be silent';
}

/** A silence of the agent that ends its turn. */
const PAUSE_MS = 600;
/** Longest wait for the agent's first words, and for its reply. */
const FIRST_WORDS_MS = 4_000;
const REPLY_MS = 8_000;
/** Time for the agent to hang up first; at high speed on a busy machine a hang-up takes that long. */
const GOODBYE_MS = 5_000;
const BETWEEN_KEYS_MS = 200;
const FAREWELL = /\b(good)?bye\b/i;

/** A person with a script: says its lines one by one, each when the agent pauses. */
export class Callee implements FarEnd {
  private readonly lines: CalleeLine[];
  private readonly then: CalleeScript['then'];
  private keys: string[] = [];
  /** Time since either side spoke. */
  private quietMs = 0;
  /** The agent's speech since the last line. */
  private agentMs = 0;
  private hasBegun = false;
  private hasFinished = false;
  private hasHungUp = false;

  constructor({ lines, then }: CalleeScript) {
    this.lines = [...lines];
    this.then = then;
  }

  next({ agentSpeaks, isSpeaking, transcribeAgent }: FarEndMoment): FarEndAction | undefined {
    this.quietMs = agentSpeaks || isSpeaking ? 0 : this.quietMs + FRAME_MS;
    // Speech of the agent during the callee's own is no reply.
    if (isSpeaking || this.hasHungUp) return undefined;
    if (agentSpeaks) this.agentMs += FRAME_MS;
    if (this.keys.length > 0) return this.quietMs >= BETWEEN_KEYS_MS ? this.press() : undefined;
    const interrupts = this.agentMs >= (this.lines[0]?.interruptsAfterMs ?? Infinity);
    return interrupts || this.quietMs >= this.waitMs() ? this.takeTurn(transcribeAgent) : undefined;
  }

  /** The silence after which the callee takes its turn. */
  private waitMs(): number {
    if (this.hasFinished) return GOODBYE_MS;
    if (this.agentMs > 0) return PAUSE_MS;
    return this.hasBegun ? REPLY_MS : FIRST_WORDS_MS;
  }

  private takeTurn(transcribeAgent: () => string): FarEndAction | undefined {
    const isFarewell = this.then === 'hang up' && this.agentMs > 0 && FAREWELL.test(transcribeAgent());
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
    this.hasHungUp = this.hasFinished && this.then === 'hang up';
    this.hasFinished = true;
    if (!this.hasHungUp) return undefined;
    return { type: 'hang_up', end: { reason: 'user_hangup', by: 'customer', sipCode: null, detail: null } };
  }

  private press(): FarEndAction | undefined {
    const key = this.keys.shift();
    this.quietMs = 0;
    return key === undefined ? undefined : { type: 'press', key };
  }
}
