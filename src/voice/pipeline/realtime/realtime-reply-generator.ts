import { type CancellationScope } from '../../cancellation-scope.js';
import { type Phrase } from '../../conversation-settings.js';
import { type RealtimeModel, type ToolCall } from '../../providers/ports.js';
import { type AgentTurn, scripted, type SpeechOutput, type UtteranceSource } from '../../turn/agent-turn.js';
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
  replies: RealtimeReply[];
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
    const of = this.repliesOf(turn);
    const { control } = this.context;
    for (;;) {
      const mayUseTools = of.round < MAX_TOOL_ROUNDS;
      of.current ??= this.ask(turn, of, { mayUseTools, mayBeSilent: of.round > 0 });
      const { current } = of;
      await scope.wait(current.completed);
      if (current.calls.length === 0 || !mayUseTools) return;
      await this.useAll(turn, of, current, scope);
      if (control.isEnding()) return;
      of.current = undefined;
      of.round++;
    }
  };

  /** Source of a phrase: its recording, or the model. */
  phrase({ text, audio }: Phrase): UtteranceSource {
    return async (turn, scope, resumed) => {
      const of = this.repliesOf(turn);
      if (!audio) {
        of.current ??= this.ask(turn, of, exactly(text));
        await scope.wait(of.current.completed);
        return;
      }
      if (!resumed) {
        of.recorded = { entry: this.context.history.assistant(), text };
        this.link.add({ role: 'assistant', content: text });
      }
      await scripted({ text, audio, ...(of.recorded && { entry: of.recorded.entry }) })(turn, scope, resumed);
    };
  }

  readonly synthesize: SpeechOutput['synthesize'] = async (segment, scope, arrived) => {
    await this.sources.get(segment)?.play(segment.samples, scope, arrived);
  };

  /** Tells the model what was played of the turn. */
  end(turn: AgentTurn): void {
    const of = this.turns.get(turn);
    if (!of) return;
    this.turns.delete(turn);
    of.scope.close();
    for (const reply of of.replies) {
      reply.stop();
      for (const { id } of reply.entry.toolCalls)
        if (!reply.entry.results.has(id)) this.link.add({ role: 'tool', toolCallId: id, content: UNKNOWN_RESULT });
    }
    const { recorded } = of;
    if (recorded && recorded.entry.content !== recorded.text) {
      const content = `[Of your last words I have heard only: “${recorded.entry.content}”]`;
      this.link.add({ role: 'user', content });
    }
  }

  private repliesOf(turn: AgentTurn): TurnReplies {
    let of = this.turns.get(turn);
    if (!of) {
      const scope = this.context.scope.child();
      of = { scope, replies: [], current: undefined, round: 0, begunCalls: new Set(), recorded: undefined };
      this.turns.set(turn, of);
    }
    return of;
  }

  /** @param reserves gives the reply its place in the turn before any of it has come */
  private ask(turn: AgentTurn, of: TurnReplies, options: ReplyOptions, reserves = false): RealtimeReply {
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
    const before = of.replies.at(-1)?.completed ?? Promise.resolve();
    const deps = { models: this.models, link: this.link, limits: settings.limits, emit, arrived };
    const reply: RealtimeReply = new RealtimeReply(deps, history.assistant(), options, of.scope, before);
    of.replies.push(reply);
    if (reserves) stream();
    return reply;
  }

  private async useAll(
    turn: AgentTurn,
    of: TurnReplies,
    { calls, entry }: RealtimeReply,
    scope: CancellationScope,
  ): Promise<void> {
    entry.toolCalls = calls;
    for (const call of calls) {
      if (this.context.control.isEnding() || entry.results.has(call.id)) continue;
      const isUnknown = of.begunCalls.has(call.id);
      of.begunCalls.add(call.id);
      const result = isUnknown ? UNKNOWN_RESULT : await this.use(turn, of, entry, call, scope);
      entry.results.set(call.id, result);
      this.link.add({ role: 'tool', toolCallId: call.id, content: result });
    }
  }

  private use(
    turn: AgentTurn,
    of: TurnReplies,
    entry: AssistantEntry,
    call: ToolCall,
    scope: CancellationScope,
  ): Promise<string> {
    const spoken = entry.content !== '';
    const say = (text: string): void => {
      this.ask(turn, of, { ...exactly(text), mayBeSilent: true }, true);
    };
    return useToolInTurn(call, { turn, scope, spoken, silent: !spoken, say }, this.context);
  }
}
