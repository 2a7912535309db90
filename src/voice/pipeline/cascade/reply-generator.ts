import { type AgentTurn } from '../../turn/agent-turn.js';
import { type ConversationEnd, type Emit } from '../../conversation-events.js';
import { type ConversationSettings } from '../../conversation-settings.js';
import { type AssistantEntry, type ChatHistory } from '../../turn/chat-history.js';
import { type LanguageModel, ProviderError, type ToolCall } from '../../providers/ports.js';
import { paced, type CancellationScope } from '../../cancellation-scope.js';
import { SentenceChunker } from './sentence-chunker.js';
import { type Tool, useTool } from '../../tools/tool.js';
import { type ProviderChain } from '../provider-chain.js';

/** So often in a row the model may use tools before it has to speak. */
const MOST_ROUNDS = 5;
const GO_ON = 'You were cut off by noise or a fault. Go on exactly after your last words, without repeating them.';

export interface ReplyGeneratorDeps {
  models: ProviderChain<LanguageModel>;
  history: ChatHistory;
  tools: readonly Tool[];
  settings: ConversationSettings;
  tell: Emit;
  /** Milliseconds since the answer. */
  now: () => number;
  /** The call ends when the turn was heard. */
  endAfter: (turn: AgentTurn, end: ConversationEnd) => void;
  /** Whether it does, or the agent is off the line. */
  ending: () => boolean;
  handOver: () => void;
}

/** Asks the model what to say next, does what it asks for, and asks again with the results. */
export class ReplyGenerator {
  constructor(private readonly parts: ReplyGeneratorDeps) {}

  /** @throws StageFailed, Closed */
  readonly produce = async (turn: AgentTurn, scope: CancellationScope, resumed: boolean): Promise<void> => {
    for (let round = 0; ; round++) {
      const entry = this.parts.history.assistant();
      const mayUse = round < MOST_ROUNDS;
      const calls = await this.ask(turn, entry, scope, {
        mayUse,
        goOn: resumed && round === 0,
        mayBeSilent: round > 0,
      });
      if (calls.length === 0 || !mayUse) return;
      entry.toolCalls = calls;
      const spoken = entry.content !== '';
      for (const call of calls) {
        if (!this.parts.ending()) entry.results.set(call.id, await this.use({ turn, entry, scope, spoken }, call));
      }
      if (this.parts.ending()) return;
    }
  };

  private ask(
    turn: AgentTurn,
    entry: AssistantEntry,
    scope: CancellationScope,
    { mayUse, goOn, mayBeSilent }: { mayUse: boolean; goOn: boolean; mayBeSilent: boolean },
  ): Promise<ToolCall[]> {
    const { models, history, settings, tools, tell, now } = this.parts;
    const { modelFirstMs, modelNextMs } = settings.limits;
    return models.run(scope, async (model, own) => {
      const chunker = new SentenceChunker();
      const calls: ToolCall[] = [];
      const answer = model.respond({
        messages: history.messages(goOn || entry.content ? GO_ON : undefined),
        tools: mayUse ? tools.map(({ definition }) => definition) : [],
        temperature: settings.temperature,
        signal: own.signal,
      });
      for await (const event of paced(own, answer, { firstMs: modelFirstMs, nextMs: modelNextMs })) {
        if (event.type === 'usage') {
          tell({ type: 'usage', usage: { stage: 'model', provider: model.name, ...tokens(event) } });
          continue;
        }
        turn.firstTokenMs ??= now();
        if (event.type === 'tool_call') calls.push(event.call);
        else for (const chunk of chunker.push(event.text)) turn.add(chunk, entry);
      }
      for (const chunk of chunker.flush()) turn.add(chunk, entry);
      if (!entry.content && calls.length === 0 && !mayBeSilent) {
        throw new ProviderError('unavailable', 'The model said nothing');
      }
      return calls;
    });
  }

  private use(
    {
      turn,
      entry,
      scope,
      spoken,
    }: { turn: AgentTurn; entry: AssistantEntry; scope: CancellationScope; spoken: boolean },
    call: ToolCall,
  ): Promise<string> {
    const { tools, tell, endAfter, handOver } = this.parts;
    const tool = tools.find(({ definition }) => definition.name === call.name);
    if (tool?.filler && !entry.content) turn.add(tool.filler, entry);
    const context = {
      spoken,
      say: (text: string) => {
        turn.add(text, entry);
      },
      heard: (until: CancellationScope) => turn.heard(until),
      undisturbed: <T>(act: () => Promise<T>) => turn.undisturbed(act),
      handOver,
      endAfterSpeech: (end: ConversationEnd) => {
        if (!scope.closed) endAfter(turn, end);
      },
    };
    return useTool(tool, call, context, scope, tell);
  }
}

const tokens = ({ inputTokens, outputTokens }: { inputTokens: number; outputTokens: number }) => ({
  inputTokens,
  outputTokens,
});
