import { Conversation } from '../../../src/voice/conversation/conversation.js';
import { RealtimePipeline } from '../../../src/voice/pipeline/realtime/realtime-pipeline.js';
import { type ModelMessage } from '../../../src/voice/providers/ports.js';
import { ConversationHarness, DEFAULT_ANSWER, type HarnessOptions } from './conversation-harness.js';
import { CHARACTER_MS, type Plan } from './scripted-providers.js';
import { ScriptedRealtimeModel, type ScriptedSession } from './scripted-realtime-model.js';

export interface RealtimeOptions extends HarnessOptions {
  /** How each fixed phrase goes that the model says. */
  phrases?: Plan;
}

/** A conversation through one model that hears and speaks. */
export class RealtimeHarness extends ConversationHarness {
  readonly model: ScriptedRealtimeModel;

  constructor(build: (own: RealtimeHarness) => RealtimeOptions = () => ({})) {
    super();
    const { clock, line, emit } = this;
    const { answer = () => DEFAULT_ANSWER, hearing, thinking, greeting, settings, tools, ...options } = build(this);
    const phrases = options.phrases ?? ((phrase) => (phrase === 0 ? (greeting ?? {}) : {}));
    this.model = new ScriptedRealtimeModel(clock, line.vocabulary, { answer, hearing, thinking, phrases });
    const conversation = new Conversation(line, {
      pipeline: (context) => new RealtimePipeline(context, this.model),
      settings: { instructions: 'Be kind.', failureMessage: { text: '' }, ...settings },
      emit,
      clock,
      ...(tools && { tools }),
    });
    this.begin(conversation);
  }

  /** The session that was opened last. */
  get session(): ScriptedSession {
    return this.model.sessions.at(-1)!;
  }

  override get answers(): number {
    return this.model.answers;
  }

  override get toolsOffered(): boolean[] {
    const orders = this.model.sessions.flatMap((session) => session.orders);
    return orders.filter(({ instructions }) => !instructions).map(({ mayUseTools }) => mayUseTools);
  }

  override get speechRequests(): number {
    return this.model.answers + this.model.phrases;
  }

  override get modelMessages(): readonly ModelMessage[] {
    return this.session.messages;
  }

  override get open(): number {
    return this.model.open;
  }

  override speechMs(text: string): number {
    return text.length * CHARACTER_MS;
  }
}
