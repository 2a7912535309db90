import { type ConversationEnd, type Emit, type ToolUse } from '../conversation-events.js';
import { type ToolCall, type ToolDefinition } from '../providers/ports.js';
import { Cancelled, type CancellationScope } from '../cancellation-scope.js';
import { messageOf } from '../../lib/platform/index.js';

/** A tool that the model can use in a call. */
export interface Tool {
  definition: ToolDefinition;
  /** Said while the tool runs, when the model has said nothing itself. */
  filler?: string | undefined;
  /** Time that the tool waits in `speechPlayed` does not count. */
  timeoutMs: number;
  /** @returns the result for the model. The model gets the message of an error as well, and the conversation continues. */
  run(args: Record<string, unknown>, context: ToolContext): Promise<string>;
}

export interface ToolContext {
  /** Aborted when the customer interrupts, when the tool times out and when the call ends. */
  signal: AbortSignal;
  /** Says a text after the current speech. */
  say(text: string): void;
  /** Whether the model has said something along with the call of the tool. */
  spoken: boolean;
  /** Resolves when the current speech was played. */
  speechPlayed(): Promise<void>;
  /** The customer cannot interrupt while `act` runs, so that the act is not left half done. */
  undisturbed<T>(act: () => Promise<T>): Promise<T>;
  /** Ends the call after the current speech was played; the customer cannot interrupt that speech any more. */
  endAfterSpeech(end: ConversationEnd): void;
  /** The customer is connected to another party: the agent leaves the line after the event of this tool use. */
  handOver(): void;
}

/** What a turn of the agent gives to a tool. */
export type TurnContext = Omit<ToolContext, 'signal' | 'speechPlayed'> & {
  speechPlayed: (scope: CancellationScope) => Promise<void>;
};

/** Runs a tool for the model. @returns the result for the model. @throws Cancelled when the scope is closed */
export async function useTool(
  tool: Tool | undefined,
  call: ToolCall,
  context: TurnContext,
  scope: CancellationScope,
  emit: Emit,
): Promise<string> {
  const startedMs = scope.clock.now();
  const args = parseArguments(call.arguments);
  let isReported = false;
  let isHandedOver = false;
  const report = (use: Pick<ToolUse, 'result' | 'error'>): void => {
    const ms = scope.clock.now() - startedMs;
    emit({ type: 'tool', use: { name: call.name, arguments: args ?? call.arguments, ...use, ms } });
    isReported = true;
    if (isHandedOver) context.handOver();
  };
  // A tool may still succeed after its timeout, when the transfer cannot be undone.
  const handOver = (): void => {
    isHandedOver = true;
    if (isReported) context.handOver();
  };
  try {
    if (!tool) throw new Error(`There is no tool "${call.name}"`);
    if (!args) throw new Error(`The arguments must be a JSON object, not ${call.arguments.slice(0, 200)}`);
    const result = await runWithTimeout(tool, args, { ...context, handOver }, scope);
    report({ result, error: null });
    return result;
  } catch (error) {
    if (scope.closed) {
      report({ result: null, error: 'Interrupted' });
      throw error instanceof Cancelled ? error : new Cancelled();
    }
    report({ result: null, error: messageOf(error) });
    return `Error: ${messageOf(error)}`;
  }
}

async function runWithTimeout(
  tool: Tool,
  args: Record<string, unknown>,
  context: TurnContext,
  scope: CancellationScope,
): Promise<string> {
  const own = scope.child();
  let expire: (error: Error) => void = () => undefined;
  const expired = new Promise<never>((_, reject) => {
    expire = reject;
  });
  const startTimer = (): (() => void) =>
    own.after(tool.timeoutMs, () => {
      expire(new Error(`No answer within ${tool.timeoutMs} ms`));
    });
  let stopTimer = startTimer();
  const speechPlayed = async (): Promise<void> => {
    stopTimer();
    await context.speechPlayed(own);
    stopTimer = startTimer();
  };
  try {
    return await scope.wait(Promise.race([tool.run(args, { ...context, speechPlayed, signal: own.signal }), expired]));
  } finally {
    own.close();
  }
}

/** undefined: no JSON object. An empty text is an object without fields. */
function parseArguments(text: string): Record<string, unknown> | undefined {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
