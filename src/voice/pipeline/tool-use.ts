import { type CancellationScope } from '../cancellation-scope.js';
import { type ConversationEnd, type Emit } from '../conversation-events.js';
import { type ToolCall } from '../providers/ports.js';
import { type Tool, useTool } from '../tools/tool.js';
import { type AgentTurn } from '../turn/agent-turn.js';
import { type ConversationControl } from './pipeline.js';

/** Tool uses in a row before the model has to speak. */
export const MAX_TOOL_ROUNDS = 5;

/** Where in the conversation a tool is used. */
export interface ToolSite {
  turn: AgentTurn;
  scope: CancellationScope;
  /** The model has said something along with the call. */
  spoken: boolean;
  /** Nothing is said while the tool runs, so that its filler is wanted. */
  silent: boolean;
  say: (text: string) => void;
}

/** Uses a tool in a turn. @returns the result for the model. @throws Cancelled */
export function useToolInTurn(
  call: ToolCall,
  { turn, scope, spoken, silent, say }: ToolSite,
  { tools, emit, control }: { tools: readonly Tool[]; emit: Emit; control: ConversationControl },
): Promise<string> {
  const tool = tools.find(({ definition }) => definition.name === call.name);
  if (tool?.filler && silent) say(tool.filler);
  const context = {
    spoken,
    say,
    speechPlayed: (until: CancellationScope) => turn.played(until),
    undisturbed: <T>(act: () => Promise<T>) => turn.undisturbed(act),
    endAfterSpeech: (end: ConversationEnd): void => {
      if (!scope.closed) control.endAfter(turn, end);
    },
    handOver: (): void => {
      control.handOver();
    },
  };
  return useTool(tool, call, context, scope, emit);
}
