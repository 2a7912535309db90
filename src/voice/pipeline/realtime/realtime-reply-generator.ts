import { type CancellationScope } from '../../cancellation-scope.js';
import { type Phrase } from '../../conversation-settings.js';
import { type RealtimeModel, type ToolCall } from '../../providers/ports.js';
import { type AgentTurn, type SpeechOutput, type UtteranceSource } from '../../turn/agent-turn.js';
import { scripted } from '../../turn/scripted-source.js';
import { type AssistantEntry, UNKNOWN_RESULT } from '../../turn/chat-history.js';
import { type SpeechSegment } from '../../turn/speech-segment.js';
import { type PipelineContext } from '../pipeline.js';
import { type ProviderChain } from '../provider-chain.js';
import { MAX_TOOL_ROUNDS, useToolInTurn } from '../tool-use.js';
import { type RealtimeLink } from './realtime-link.js';
import { RealtimeReply, type ReplyDeps, type ReplyOptions } from './realtime-reply.js';

const exactly = (text: string): ReplyOptions => ({
  instructions: `Say exactly the following words, in the language they are in, and nothing else: “${text}”`,
  mayUseTools: false,
  mayBeSilent: false,
});

/** The replies of one turn of the agent. They continue while the turn is paused. */
interface TurnReplies {
  scope: CancellationScope;
  all: RealtimeReply[];
  /** The reply that the turn waits for. */
  current: RealtimeReply | undefined;
  round: number;
  /** Ids of the tool calls that have begun. */
  begunCalls: Set<string>;
  /** Speech that was played without the model. */
  recorded: { entry: AssistantEntry; text: string } | undefined;
}

/** Asks the model to speak, uses the tools that it calls, and asks again with their results. */
export class RealtimeReplyGenerator {
  private readonly turns = new WeakMap<AgentTurn, TurnReplies>();
  private readonly sources = new WeakMap<SpeechSegment, RealtimeReply>();

  constructor(
    private readonly context: PipelineContext,
    private readonly link: RealtimeLink,
    private readonly models: ProviderChain<RealtimeModel>,
  ) {}

  /** @throws StageFailed, Cancelled */
  readonly reply: UtteranceSource = async (turn, scope) => {
    const replies = this.repliesOf(turn);
    const { control } = this.context;
    for (;;) {
      const mayUseTools = replies.round < MAX_TOOL_ROUNDS;
      replies.current ??= this.ask(turn, replies, { mayUseTools, mayBeSilent: replies.round > 0 });
      const { current } = replies;
      await scope.wait(current.completed);
      if (current.calls.length === 0 || !mayUseTools) return;
      await this.useAll(turn, replies, current, scope);
      if (control.isEnding()) return;
      replies.current = undefined;
      replies.round++;
    }
  };

  /** Source of a phrase: its recording, or the model. */
  phrase({ text, audio }: Phrase): UtteranceSource {
    return async (turn, scope, resumed) => {
      const replies = this.repliesOf(turn);
      if (!audio) {
        replies.current ??= this.ask(turn, replies, exactly(text));
        await scope.wait(replies.current.completed);
        return;
      }
      if (!resumed) {
        replies.recorded = { entry: this.context.history.assistant(), text };
        this.link.add({ role: 'assistant', content: text });
      }
      await scripted({ text, audio, ...(replies.recorded && { entry: replies.recorded.entry }) })(turn, scope, resumed);
    };
  }

  readonly synthesize: SpeechOutput['synthesize'] = async (segment, scope, arrived) => {
    await this.sources.get(segment)?.play(segment.samples, scope, arrived);
  };

  /** Tells the model what was played of the turn. */
  end(turn: AgentTurn): void {
    const replies = this.turns.get(turn);
    if (!replies) return;
    this.turns.delete(turn);
    replies.scope.close();
    for (const reply of replies.all) {
      reply.stop();
      for (const { id } of reply.entry.toolCalls)
        if (!reply.entry.results.has(id)) this.link.add({ role: 'tool', toolCallId: id, content: UNKNOWN_RESULT });
    }
    const { recorded } = replies;
    if (recorded && recorded.entry.content !== recorded.text) {
      const content = `[Of your last words I have heard only: “${recorded.entry.content}”]`;
      this.link.add({ role: 'user', content });
    }
  }

  private repliesOf(turn: AgentTurn): TurnReplies {
    let replies = this.turns.get(turn);
    if (!replies) {
      const scope = this.context.scope.child();
      replies = { scope, all: [], current: undefined, round: 0, begunCalls: new Set(), recorded: undefined };
      this.turns.set(turn, replies);
    }
    return replies;
  }

  /** @param reserves gives the reply its place in the turn before any of it has come */
  private ask(turn: AgentTurn, replies: TurnReplies, options: ReplyOptions, reserves = false): RealtimeReply {
    const { history, settings, emit, now } = this.context;
    const stream = (): void => {
      if (reply.segment) return;
      reply.segment = turn.stream(reply.entry);
      this.sources.set(reply.segment, reply);
    };
    const arrived: ReplyDeps['arrived'] = (what) => {
      turn.firstTokenMs ??= now();
      if (what === 'speech') stream();
    };
    const before = replies.all.at(-1)?.completed ?? Promise.resolve();
    const deps = { models: this.models, link: this.link, limits: settings.timeouts, emit, arrived };
    const reply: RealtimeReply = new RealtimeReply(deps, history.assistant(), options, replies.scope, before);
    replies.all.push(reply);
    if (reserves) stream();
    return reply;
  }

  private async useAll(
    turn: AgentTurn,
    replies: TurnReplies,
    { calls, entry }: RealtimeReply,
    scope: CancellationScope,
  ): Promise<void> {
    entry.toolCalls = calls;
    for (const call of calls) {
      if (this.context.control.isEnding() || entry.results.has(call.id)) continue;
      const isUnknown = replies.begunCalls.has(call.id);
      replies.begunCalls.add(call.id);
      const result = isUnknown ? UNKNOWN_RESULT : await this.use(turn, replies, entry, call, scope);
      entry.results.set(call.id, result);
      this.link.add({ role: 'tool', toolCallId: call.id, content: result });
    }
  }

  private use(
    turn: AgentTurn,
    replies: TurnReplies,
    entry: AssistantEntry,
    call: ToolCall,
    scope: CancellationScope,
  ): Promise<string> {
    const spoken = entry.content !== '';
    const say = (text: string): void => {
      this.ask(turn, replies, { ...exactly(text), mayBeSilent: true }, true);
    };
    return useToolInTurn(call, { turn, scope, spoken, silent: !spoken, say }, this.context);
  }
}
