import {
  type ConversationEnd,
  type ConversationEvent,
  type Turn,
} from '../../../src/voice/conversation/conversation-events.js';
import { RealtimeConversation } from '../../../src/voice/conversation/realtime-conversation.js';
import { type RealtimeDeps } from '../../../src/voice/conversation/realtime-deps.js';
import { type Script, ScriptedSpeechToSpeech } from './scripted-speech-to-speech.js';
import { VirtualClock } from './virtual-clock.js';
import { VirtualLine } from './virtual-line.js';

export interface RealtimeLabOptions extends Partial<Omit<RealtimeDeps, 'clock' | 'tell' | 'provider'>> {
  script?: Partial<Script>;
}

/** A conversation with a scripted model on a line without a network, in time of its own. */
export class RealtimeLab {
  readonly clock = new VirtualClock();
  readonly line = new VirtualLine();
  readonly events: ConversationEvent[] = [];
  readonly provider: ScriptedSpeechToSpeech;
  readonly conversation: RealtimeConversation;
  end: ConversationEnd | undefined;
  broken: unknown;

  constructor(build: (lab: RealtimeLab) => RealtimeLabOptions = () => ({})) {
    const { script, settings, ...options } = build(this);
    const answer = (): string => 'All right, I have written that down.';
    this.provider = new ScriptedSpeechToSpeech(this.clock, this.line.words, { answer, ...script });
    this.conversation = new RealtimeConversation(this.line, {
      ...options,
      provider: this.provider,
      settings: { instructions: 'Be kind.', apology: { text: '' }, ...settings },
      tell: (event) => this.events.push(event),
      clock: this.clock,
    });
    this.conversation.over.then(
      (end) => (this.end = end),
      (error: unknown) => (this.broken = error),
    );
    this.conversation.start();
  }

  /** Lets time pass, 20 ms at a time, until the conversation ends. */
  async pass(ms: number): Promise<void> {
    await this.passUntil(() => false, ms);
  }

  async passUntil(reached: () => boolean, limitMs = 120_000): Promise<void> {
    for (let passedMs = 0; passedMs < limitMs && !this.end && !this.broken && !reached(); passedMs += 20) {
      await this.clock.advance(20);
      this.line.tick();
    }
    await this.clock.advance(0);
  }

  get turns(): Turn[] {
    return this.events.flatMap((event) => (event.type === 'turn' ? [event.turn] : []));
  }

  /** "agent: …", a dash where it was interrupted. */
  get script(): string[] {
    return this.turns.map(({ speaker, text, interrupted }) => `${speaker}: ${text}${interrupted ? ' -' : ''}`);
  }

  of<T extends ConversationEvent['type']>(type: T): Extract<ConversationEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<ConversationEvent, { type: T }> => event.type === type);
  }

  /** What is left running: nothing, when it is over. */
  get leaks() {
    return { timers: this.clock.waiting, listeners: this.line.listeners.size, sessions: this.provider.open };
  }
}
