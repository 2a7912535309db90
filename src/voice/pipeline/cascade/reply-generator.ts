import { withReadTimeouts, type CancellationScope } from '../../cancellation-scope.js';
import { type LanguageModel, type ModelEvent, ProviderError, type ToolCall } from '../../providers/ports.js';
import { type AgentTurn, type UtteranceSource } from '../../turn/agent-turn.js';
import { type AssistantEntry } from '../../turn/chat-history.js';
import { type PipelineContext } from '../pipeline.js';
import { type ProviderChain } from '../provider-chain.js';
import { MAX_TOOL_ROUNDS, useToolInTurn } from '../tool-use.js';
import { SentenceChunker } from './sentence-chunker.js';

const GO_ON = 'You were cut off by noise or a fault. Go on exactly after your last words, without repeating them.';

interface RequestOptions {
  mayUseTools: boolean;
  /** The answer was cut off before. */
  goesOn: boolean;
  /** An empty answer is no fault. */
  mayBeSilent: boolean;
}

/** Asks the model for an answer, uses the tools that it calls, and asks again with their results. */
export class ReplyGenerator {
  constructor(
    private readonly context: PipelineContext,
    private readonly models: ProviderChain<LanguageModel>,
  ) {}

  /** @throws StageFailed, Cancelled */
  readonly reply: UtteranceSource = async (turn, scope, resumed) => {
    const { history, control } = this.context;
    for (let round = 0; ; round++) {
      const entry = history.assistant();
      const mayUseTools = round < MAX_TOOL_ROUNDS;
      const goesOn = resumed && round === 0;
      const calls = await this.ask(turn, entry, scope, { mayUseTools, goesOn, mayBeSilent: round > 0 });
      if (calls.length === 0 || !mayUseTools) return;
      entry.toolCalls = calls;
      const spoken = entry.content !== '';
      const say = (text: string): void => {
        turn.add(text, entry);
      };
      for (const call of calls) {
        if (control.isEnding()) continue;
        const site = { turn, scope, spoken, silent: !entry.content, say };
        entry.results.set(call.id, await useToolInTurn(call, site, this.context));
      }
      if (control.isEnding()) return;
    }
  };

  private ask(
    turn: AgentTurn,
    entry: AssistantEntry,
    scope: CancellationScope,
    { mayUseTools, goesOn, mayBeSilent }: RequestOptions,
  ): Promise<ToolCall[]> {
    const { history, settings, tools } = this.context;
    const { modelFirstMs, modelNextMs } = settings.timeouts;
    return this.models.run(scope, async (model, own) => {
      const answer = model.respond({
        messages: history.messages(goesOn || entry.content ? GO_ON : undefined),
        tools: mayUseTools ? tools.map(({ definition }) => definition) : [],
        temperature: settings.temperature,
        signal: own.signal,
      });
      const events = withReadTimeouts(own, answer, { firstMs: modelFirstMs, nextMs: modelNextMs });
      const calls = await this.read(events, model, turn, entry);
      if (!entry.content && calls.length === 0 && !mayBeSilent)
        throw new ProviderError('unavailable', 'The model said nothing');
      return calls;
    });
  }

  /** Adds the text to the turn, sentence by sentence. @returns the calls of tools */
  private async read(
    events: AsyncIterable<ModelEvent>,
    model: LanguageModel,
    turn: AgentTurn,
    entry: AssistantEntry,
  ): Promise<ToolCall[]> {
    const { emit, now } = this.context;
    const chunker = new SentenceChunker();
    const calls: ToolCall[] = [];
    for await (const event of events) {
      if (event.type === 'usage') {
        const { inputTokens, outputTokens } = event;
        emit({ type: 'usage', usage: { stage: 'model', provider: model.name, inputTokens, outputTokens } });
        continue;
      }
      turn.firstTokenMs ??= now();
      if (event.type === 'tool_call') calls.push(event.call);
      else for (const chunk of chunker.push(event.text)) turn.add(chunk, entry);
    }
    for (const chunk of chunker.flush()) turn.add(chunk, entry);
    return calls;
  }
}
