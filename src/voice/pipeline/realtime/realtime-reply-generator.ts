import { type AgentTurn, type UtteranceSource, scripted } from '../../turn/agent-turn.js';
import { type ConversationEnd, type Emit } from '../../conversation-events.js';
import { type ConversationSettings, type Phrase } from '../../conversation-settings.js';
import { type AssistantEntry, type ChatHistory, UNKNOWN_RESULT } from '../../turn/chat-history.js';
import { type RealtimeModel, type ToolCall } from '../../providers/ports.js';
import { type RealtimeLink } from './realtime-link.js';
import { type ReplyOrder, type ReplyParts, RealtimeReply } from './realtime-reply.js';
import { type CancellationScope } from '../../cancellation-scope.js';
import { type SpeechSegment } from '../../turn/speech-segment.js';
import { type Tool, useTool } from '../../tools/tool.js';
import { type ProviderChain } from '../provider-chain.js';

/** So often in a row the model may use tools before it has to speak. */
const MOST_ROUNDS = 5;

const exactly = (text: string): string =>
  `Say exactly the following words, in the language they are in, and nothing else: “${text}”`;

export interface RealtimeReplyGeneratorDeps {
  scope: CancellationScope;
  stage: ProviderChain<RealtimeModel>;
  link: RealtimeLink;
  history: ChatHistory;
  tools: readonly Tool[];
  settings: ConversationSettings;
  tell: Emit;
  /** Milliseconds since the answer. */
  now: () => number;
  /** The call ends when the turn was heard. */
  endAfter: (turn: AgentTurn, end: ConversationEnd) => void;
  /** Somebody else talks with the customer. */
  handOver: () => void;
  /** Whether it does. */
  ending: () => boolean;
}

/** What a turn of the agent is made of. It outlives pauses, in which the model goes on. */
interface Thread {
  scope: CancellationScope;
  replies: RealtimeReply[];
  /** The one that is waited for. */
  asked: RealtimeReply | undefined;
  round: number;
  /** Tools that were begun, by the id of the call. */
  begun: Set<string>;
  /** What was played without the model. */
  recorded: { entry: AssistantEntry; text: string } | undefined;
}

/** Has the model speak, does what it asks for, and has it speak again with the results. */
export class RealtimeReplyGenerator {
  private readonly threads = new WeakMap<AgentTurn, Thread>();
  private readonly sources = new WeakMap<SpeechSegment, RealtimeReply>();

  constructor(private readonly parts: RealtimeReplyGeneratorDeps) {}

  /** @throws StageFailed, Closed */
  readonly produce: UtteranceSource = async (turn, scope) => {
    const thread = this.threadOf(turn);
    for (;;) {
      const mayUseTools = thread.round < MOST_ROUNDS;
      thread.asked ??= this.ask(turn, thread, { mayUseTools, mayBeSilent: thread.round > 0 });
      const { asked } = thread;
      await scope.wait(asked.over);
      if (asked.calls.length === 0 || !mayUseTools) return;
      await this.useAll(turn, thread, asked, scope);
      if (this.parts.ending()) return;
      thread.asked = undefined;
      thread.round++;
    }
  };

  /** Says words that are known: as they are recorded, or by the model. */
  phrase({ text, audio }: Phrase): UtteranceSource {
    return async (turn, scope, resumed) => {
      const thread = this.threadOf(turn);
      if (audio) {
        if (!resumed) thread.recorded = { entry: this.parts.history.assistant(), text };
        if (!resumed) this.parts.link.add({ role: 'assistant', content: text });
        await scripted({ text, audio, ...(thread.recorded && { entry: thread.recorded.entry }) })(turn, scope, resumed);
        return;
      }
      thread.asked ??= this.ask(turn, thread, { ...this.words(text), mayBeSilent: false });
      await scope.wait(thread.asked.over);
    };
  }

  /** Gives the audio of a piece of a turn, from its `samples` on. */
  readonly synthesise = async (
    segment: SpeechSegment,
    scope: CancellationScope,
    arrived: (pcm: Int16Array) => Promise<void>,
  ): Promise<void> => {
    await this.sources.get(segment)?.play(segment.samples, scope, arrived);
  };

  /** The turn is over, however it went: the model is to know what was heard of it, no more. */
  end(turn: AgentTurn): void {
    const thread = this.threads.get(turn);
    if (!thread) return;
    this.threads.delete(turn);
    thread.scope.close();
    const { link } = this.parts;
    for (const reply of thread.replies) {
      reply.cut();
      for (const { id } of reply.entry.toolCalls)
        if (!reply.entry.results.has(id)) link.add({ role: 'tool', toolCallId: id, content: UNKNOWN_RESULT });
    }
    const { recorded } = thread;
    if (recorded && recorded.entry.content !== recorded.text)
      link.add({ role: 'user', content: `[Of your last words I have heard only: “${recorded.entry.content}”]` });
  }

  private threadOf(turn: AgentTurn): Thread {
    let thread = this.threads.get(turn);
    if (!thread) {
      const scope = this.parts.scope.child();
      thread = { scope, replies: [], asked: undefined, round: 0, begun: new Set(), recorded: undefined };
      this.threads.set(turn, thread);
    }
    return thread;
  }

  private words(text: string) {
    return { instructions: exactly(text), mayUseTools: false };
  }

  /** @param atOnce what is said has its place in the turn before any of it is there */
  private ask(turn: AgentTurn, thread: Thread, order: ReplyOrder, atOnce = false): RealtimeReply {
    const { history, stage, link, settings, tell, now } = this.parts;
    const stream = (): void => {
      if (reply.segment) return;
      reply.segment = turn.stream(reply.entry);
      this.sources.set(reply.segment, reply);
    };
    const came: ReplyParts['came'] = (what) => {
      turn.firstTokenMs ??= now();
      if (what === 'speech') stream();
    };
    const after = thread.replies.at(-1)?.over ?? Promise.resolve();
    const parts = { stage, link, limits: settings.limits, tell, came };
    const reply: RealtimeReply = new RealtimeReply(parts, history.assistant(), order, thread.scope, after);
    thread.replies.push(reply);
    if (atOnce) stream();
    return reply;
  }

  private async useAll(
    turn: AgentTurn,
    thread: Thread,
    { calls, entry }: RealtimeReply,
    scope: CancellationScope,
  ): Promise<void> {
    entry.toolCalls = calls;
    for (const call of calls) {
      if (this.parts.ending() || entry.results.has(call.id)) continue;
      const unknown = thread.begun.has(call.id);
      thread.begun.add(call.id);
      const result = unknown ? UNKNOWN_RESULT : await this.use(turn, thread, entry, call, scope);
      entry.results.set(call.id, result);
      this.parts.link.add({ role: 'tool', toolCallId: call.id, content: result });
    }
  }

  private use(
    turn: AgentTurn,
    thread: Thread,
    entry: AssistantEntry,
    call: ToolCall,
    scope: CancellationScope,
  ): Promise<string> {
    const { tools, tell } = this.parts;
    const tool = tools.find(({ definition }) => definition.name === call.name);
    const context = this.contextOf(turn, thread, scope, entry.content !== '');
    if (tool?.filler && !context.spoken) context.say(tool.filler);
    return useTool(tool, call, context, scope, tell);
  }

  /** What a tool can do with the conversation. */
  private contextOf(turn: AgentTurn, thread: Thread, scope: CancellationScope, spoken: boolean) {
    return {
      spoken,
      say: (text: string): void => {
        this.ask(turn, thread, { ...this.words(text), mayBeSilent: true }, true);
      },
      heard: (until: CancellationScope) => turn.heard(until),
      undisturbed: <T>(act: () => Promise<T>) => turn.undisturbed(act),
      endAfterSpeech: (end: ConversationEnd): void => {
        if (!scope.closed) this.parts.endAfter(turn, end);
      },
      handOver: this.parts.handOver,
    };
  }
}
