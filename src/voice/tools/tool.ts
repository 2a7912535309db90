import { type ConversationEnd, type Emit, type ToolUse } from '../conversation-events.js';
import { type ToolCall, type ToolDefinition } from '../providers/ports.js';
import { Cancelled, type CancellationScope } from '../cancellation-scope.js';
import { messageOf } from '../../lib/platform/index.js';

/** Something the model can do in a call. */
export interface Tool {
  definition: ToolDefinition;
  /** Said while it is waited for, when the model has said nothing itself. */
  filler?: string | undefined;
  /** Waiting until something was heard does not count. */
  timeoutMs: number;
  /** @returns what the model is told. An error is told as well, and the conversation goes on. */
  run(args: Record<string, unknown>, context: ToolContext): Promise<string>;
}

export interface ToolContext {
  /** Aborted when the customer interrupts, the time is up or the call is over. */
  signal: AbortSignal;
  /** Says something after what is being said. */
  say(text: string): void;
  /** Whether the model has said something along with this use. */
  spoken: boolean;
  /** Resolves when all that is being said was heard. */
  heard(): Promise<void>;
  /** The customer cannot interrupt while `act` runs: what is begun can then not be left half done. */
  undisturbed<T>(act: () => Promise<T>): Promise<T>;
  /** Ends the call when all that is being said was heard; the customer cannot interrupt it any more. */
  endAfterSpeech(end: ConversationEnd): void;
  /** Somebody else talks with the customer now: once the use is told, the agent neither hears nor says anything more. */
  handOver(): void;
}

/** Uses a tool as the model asked for. @returns what the model is told. @throws Closed when the scope is closed */
export async function useTool(
  tool: Tool | undefined,
  call: ToolCall,
  context: Omit<ToolContext, 'signal' | 'heard'> & { heard: (scope: CancellationScope) => Promise<void> },
  scope: CancellationScope,
  tell: Emit,
): Promise<string> {
  const startedMs = scope.clock.now();
  const args = parsed(call.arguments);
  let [isTold, isOver] = [false, false];
  const report = (use: Pick<ToolUse, 'result' | 'error'>): void => {
    const ms = scope.clock.now() - startedMs;
    tell({ type: 'tool', use: { name: call.name, arguments: args ?? call.arguments, ...use, ms } });
    isTold = true;
    if (isOver) context.handOver();
  };
  // What was given up may still come about, a moment too late to be taken back.
  const handOver = (): void => {
    isOver = true;
    if (isTold) context.handOver();
  };
  try {
    if (!tool) throw new Error(`There is no tool "${call.name}"`);
    if (!args) throw new Error(`The arguments must be a JSON object, not ${call.arguments.slice(0, 200)}`);
    const result = await limited(tool, args, { ...context, handOver }, scope);
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

async function limited(
  tool: Tool,
  args: Record<string, unknown>,
  context: Omit<ToolContext, 'signal' | 'heard'> & { heard: (scope: CancellationScope) => Promise<void> },
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
  const heard = async (): Promise<void> => {
    stopTimer();
    await context.heard(own);
    stopTimer = startTimer();
  };
  try {
    return await scope.wait(Promise.race([tool.run(args, { ...context, heard, signal: own.signal }), expired]));
  } finally {
    own.close();
  }
}

/** undefined: no JSON object. No text at all is one without fields. */
function parsed(text: string): Record<string, unknown> | undefined {
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
