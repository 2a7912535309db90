import { type ConversationEnd, type ConversationEvent, type Turn } from '../../../src/voice/conversation-events.js';
import { type ConversationSettings } from '../../../src/voice/conversation-settings.js';
import { type Conversation } from '../../../src/voice/conversation/conversation.js';
import { type ModelMessage } from '../../../src/voice/providers/ports.js';
import { type Tool } from '../../../src/voice/tools/tool.js';
import { type Answer, type Behaviour, type Plan } from './scripted-providers.js';
import { VirtualClock } from './virtual-clock.js';
import { VirtualLine } from './virtual-line.js';

/** What a test may set, whatever the pipeline is. */
export interface HarnessOptions {
  settings?: Partial<ConversationSettings>;
  tools?: readonly Tool[];
  /** The model's answers, counted from 0; fixed phrases are not counted. */
  answer?: (messages: readonly ModelMessage[], request: number) => Answer;
  /** How each answer goes, counted in the same way. */
  thinking?: Plan;
  /** How each transcript goes. */
  hearing?: Plan;
  /** How the speech of the first phrase goes. */
  greeting?: Behaviour;
}

export const DEFAULT_ANSWER = 'All right, I have written that down.';

/** A conversation with scripted providers on a line without a network, in virtual time. */
export abstract class ConversationHarness {
  readonly clock = new VirtualClock();
  readonly line = new VirtualLine();
  readonly events: ConversationEvent[] = [];
  conversation: Conversation;
  end: ConversationEnd | undefined;
  broken: unknown;

  /** Requests for an answer of the model, without fixed phrases. */
  abstract get answers(): number;
  /** Whether the model might use tools, for each request for an answer. */
  abstract get toolsOffered(): boolean[];
  /** Requests that a provider makes speech for. */
  abstract get speechRequests(): number;
  /** The messages that the model has been given. */
  abstract get modelMessages(): readonly ModelMessage[];
  /** Requests or sessions that are open. */
  abstract get open(): number;
  /** How long the scripted speech of a text is, milliseconds. */
  abstract speechMs(text: string): number;

  protected begin(conversation: Conversation): void {
    this.conversation = conversation;
    conversation.ended.then(
      (end) => (this.end = end),
      (error: unknown) => (this.broken = error),
    );
    conversation.start();
  }

  protected readonly emit = (event: ConversationEvent): void => {
    this.events.push(event);
  };

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

  async passUntilTurns(count: number): Promise<void> {
    await this.passUntil(() => this.turns.length >= count);
  }

  /** Lets time pass until the customer hears this text. */
  async passUntilPlaying(text: string): Promise<void> {
    await this.passUntil(() => this.line.playedTexts.at(-1)?.text === text);
  }

  /** Stops the conversation and expects that it leaves nothing behind. */
  async close(): Promise<void> {
    this.conversation.stop();
    await this.clock.advance(0);
    this.expectNothingLeft();
    expect(this.broken).toBeUndefined();
  }

  expectNothingLeft(): void {
    const { clock, line, open } = this;
    expect({ timers: clock.waiting, listeners: line.listeners.size, open }).toEqual({
      timers: 0,
      listeners: 0,
      open: 0,
    });
  }

  get turns(): Turn[] {
    return this.of('turn').map(({ turn }) => turn);
  }

  /** "agent: …", with a dash where it was interrupted. */
  get script(): string[] {
    return this.turns.map(({ speaker, text, interrupted }) => `${speaker}: ${text}${interrupted ? ' -' : ''}`);
  }

  get faults(): string[] {
    return this.of('fault').map(({ fault }) => `${fault.stage} ${fault.provider} ${fault.fault} ${fault.then.action}`);
  }

  of<T extends ConversationEvent['type']>(type: T): Extract<ConversationEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<ConversationEvent, { type: T }> => event.type === type);
  }
}
