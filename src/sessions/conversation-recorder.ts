import { setTimeout as delay } from 'node:timers/promises';
import { DomainError, findJsonProblem, type Log, SerialQueue } from '../lib/platform/index.js';
import { type ConversationEvent, type ToolUse, type Turn, type Usage } from '../voice/index.js';
import { type CallCommand, type ToolUse as UsedTool } from '../calls/index.js';

interface ConversationRecorderDeps {
  saveTurn: (turn: Turn) => Promise<unknown>;
  saveUsage: (usage: Usage) => Promise<unknown>;
  execute: (command: CallCommand) => Promise<unknown>;
  log: Log;
}

/** Longer arguments, results and messages are cut. */
const MAX_CHARACTERS = 4_000;
const RETRY_MS = [100, 500, 2_000];

/** Stores the events of a conversation in their order. */
export class ConversationRecorder {
  private number = 0;
  private readonly queue = new SerialQueue();

  constructor(
    private readonly claim: string,
    private readonly deps: ConversationRecorderDeps,
  ) {}

  readonly record = (event: ConversationEvent): void => {
    const at = new Date().toISOString();
    const number = event.type === 'tool' || event.type === 'fault' ? ++this.number : 0;
    this.queue
      .run(() => this.storeWithRetry(event, at, number))
      .catch((error: unknown) => {
        this.deps.log.error({ err: error }, 'an event of a conversation could not be stored');
      });
  };

  /** Resolves when all events so far are stored. */
  idle(): Promise<void> {
    return this.queue.idle();
  }

  /** Retries, except usage: that write is not idempotent and would count twice. */
  private async storeWithRetry(event: ConversationEvent, at: string, number: number): Promise<void> {
    for (const waitMs of event.type === 'usage' ? [] : RETRY_MS) {
      try {
        await this.store(event, at, number);
        return;
      } catch (error) {
        if (error instanceof DomainError) throw error;
        await delay(waitMs);
      }
    }
    await this.store(event, at, number);
  }

  private async store(event: ConversationEvent, at: string, number: number): Promise<void> {
    const { claim } = this;
    const { saveTurn, saveUsage, execute } = this.deps;
    switch (event.type) {
      case 'turn':
        await saveTurn(event.turn);
        return;
      case 'usage':
        await saveUsage(event.usage);
        return;
      case 'tool':
        await execute({ type: 'ReportToolUse', at, claim, number, use: toToolUse(event.use) });
        return;
      case 'fault':
        await execute({
          type: 'ReportProviderFailure',
          at,
          claim,
          number,
          failure: { ...event.fault, message: cut(event.fault.message) },
        });
        return;
      case 'ended':
        return;
    }
  }
}

function toToolUse({ name, arguments: given, result, error, ms }: ToolUse): UsedTool {
  const written = typeof given === 'string' ? given : JSON.stringify(given);
  const isStorable = typeof given !== 'string' && written.length <= MAX_CHARACTERS && !findJsonProblem(given);
  return {
    name: cut(name),
    arguments: isStorable ? given : cut(written),
    result: result && cut(result),
    error: error && cut(error),
    durationMs: Math.round(ms),
  };
}

/** Cuts a text of a model or a server and removes characters that PostgreSQL refuses. */
function cut(text: string): string {
  const short = text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
  return short.replaceAll('\0', '').replace(/\p{Cs}/gu, '\ufffd');
}
