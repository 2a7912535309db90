import { Conversation } from '../../../src/voice/conversation/conversation.js';
import { type ConversationDeps } from '../../../src/voice/conversation/conversation-deps.js';
import {
  type ConversationEnd,
  type ConversationEvent,
  type Turn,
} from '../../../src/voice/conversation/conversation-events.js';
import { type Answer, type Plan, ScriptedModel, ScriptedSpeaker, ScriptedTranscriber } from './scripted-providers.js';
import { VirtualClock } from './virtual-clock.js';
import { VirtualLine } from './virtual-line.js';
import { type ModelMessage } from '../../../src/voice/providers/ports.js';

export interface LabOptions extends Partial<Omit<ConversationDeps, 'clock' | 'tell'>> {
  answer?: (messages: readonly ModelMessage[], request: number) => Answer;
  hearing?: Plan;
  thinking?: Plan;
  speaking?: Plan;
}

/** A conversation with scripted providers on a line without a network, in time of its own. */
export class ConversationLab {
  readonly clock = new VirtualClock();
  readonly line = new VirtualLine();
  readonly events: ConversationEvent[] = [];
  readonly transcriber: ScriptedTranscriber;
  readonly model: ScriptedModel;
  readonly speaker: ScriptedSpeaker;
  readonly conversation: Conversation;
  end: ConversationEnd | undefined;
  broken: unknown;

  constructor(build: (lab: ConversationLab) => LabOptions = () => ({})) {
    const options = build(this);
    const { answer = () => 'All right, I have written that down.', hearing, thinking, speaking, settings } = options;
    this.transcriber = new ScriptedTranscriber('ears', this.clock, this.line.words, hearing);
    this.model = new ScriptedModel('brain', this.clock, answer, thinking);
    this.speaker = new ScriptedSpeaker('mouth', this.clock, this.line.words, speaking);
    this.conversation = new Conversation(this.line, {
      transcribers: { primary: this.transcriber },
      models: { primary: this.model },
      speakers: { primary: this.speaker },
      ...options,
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

  /** What the model was told last. */
  get told(): readonly ModelMessage[] {
    return this.model.told.at(-1) ?? [];
  }

  of<T extends ConversationEvent['type']>(type: T): Extract<ConversationEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<ConversationEvent, { type: T }> => event.type === type);
  }

  /** What is left running: nothing, when it is over. */
  get leaks() {
    return {
      timers: this.clock.waiting,
      listeners: this.line.listeners.size,
      requests: this.transcriber.open + this.model.open + this.speaker.open,
    };
  }
}
