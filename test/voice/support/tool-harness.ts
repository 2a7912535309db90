import { type ToolUse } from '../../../src/voice/conversation-events.js';
import { type CallControl } from '../../../src/voice/tools/call-tools.js';
import { type Tool } from '../../../src/voice/tools/tool.js';
import { GREETING, QUESTION } from './appointment.js';
import { type ConversationHarness, type HarnessOptions } from './conversation-harness.js';
import { type HarnessKind } from './harnesses.js';
import { type Answer } from './scripted-providers.js';

/** Begins a conversation in which the customer has asked a question; `answers` are the answers of the model, in order. */
export async function askModel(
  { start }: HarnessKind,
  answers: readonly Answer[],
  tools: readonly Tool[],
  options: HarnessOptions = {},
): Promise<ConversationHarness> {
  const harness = start(() => ({
    tools,
    answer: (_messages, request) => answers[Math.min(request, answers.length - 1)]!,
    settings: { firstMessage: { text: GREETING } },
    ...options,
  }));
  await harness.passUntilTurns(1);
  harness.line.says(QUESTION, 1_000);
  await harness.passUntilTurns(2);
  return harness;
}

export const usesOf = (harness: ConversationHarness): ToolUse[] => harness.of('tool').map(({ use }) => use);

/** The results of tools that the model was given. */
export const resultsOf = ({ modelMessages }: ConversationHarness): string[] =>
  modelMessages.flatMap((message) => (message.role === 'tool' ? [message.content] : []));

export type TransferResult = Awaited<ReturnType<CallControl['transfer']>>;

/** A call that records what is done with it, with times of the harness. */
export class ScriptedCall implements CallControl {
  readonly actions: { action: string; atMs: number }[] = [];
  transferSignal: AbortSignal | undefined;
  private resolveRinging: (result: TransferResult) => void = () => undefined;

  constructor(
    private readonly now: () => number,
    private readonly outcome: TransferResult | Error | 'rings' = { status: 'connected' },
  ) {}

  sendDtmf(digits: string): Promise<void> {
    this.record(`keys ${digits}`);
    return Promise.resolve();
  }

  transfer(to: string, signal: AbortSignal): Promise<TransferResult> {
    this.record(`transfer ${to}`);
    this.transferSignal = signal;
    if (this.outcome instanceof Error) return Promise.reject(this.outcome);
    if (this.outcome !== 'rings') return Promise.resolve(this.outcome);
    return new Promise((resolve) => {
      this.resolveRinging = resolve;
    });
  }

  /** The ringing telephone is answered. */
  answer(): void {
    this.resolveRinging({ status: 'connected' });
  }

  private record(action: string): void {
    this.actions.push({ action, atMs: this.now() });
  }
}
