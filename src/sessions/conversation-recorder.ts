import { setTimeout as delay } from 'node:timers/promises';
import { DomainError, findJsonProblem, type Log } from '../lib/platform/index.js';
import { type ConversationEvent, type ToolUse, type Turn, type Usage } from '../voice/index.js';
import { type CallCommand, type ToolUse as UsedTool } from '../calls/index.js';

export interface ConversationRecorderDeps {
  saveTurn: (turn: Turn) => Promise<unknown>;
  saveUsage: (usage: Usage) => Promise<unknown>;
  execute: (command: CallCommand) => Promise<unknown>;
  log: Log;
}

/** More of what a tool was given and told is not kept. */
const MOST_CHARACTERS = 4_000;
const RETRY_MS = [100, 500, 2_000];

/** Takes down what happens in a conversation, one thing after the other. */
export class ConversationRecorder {
  private number = 0;
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly claim: string,
    private readonly keeping: ConversationRecorderDeps,
  ) {}

  readonly take = (event: ConversationEvent): void => {
    const at = new Date().toISOString();
    const number = event.type === 'tool' || event.type === 'fault' ? ++this.number : 0;
    this.last = this.last
      .then(() => this.keepAtLast(event, at, number))
      .catch((error: unknown) => {
        this.keeping.log.error({ err: error }, 'what was said and done in a conversation could not be kept');
      });
  };

  /** Resolves when everything that was told so far is kept. */
  kept(): Promise<void> {
    return this.last;
  }

  /** What is told twice is kept once, so a database that is away for a moment loses nothing; only usage would count twice. */
  private async keepAtLast(event: ConversationEvent, at: string, number: number): Promise<void> {
    for (const waitMs of event.type === 'usage' ? [] : RETRY_MS) {
      try {
        await this.keep(event, at, number);
        return;
      } catch (error) {
        if (error instanceof DomainError) throw error;
        await delay(waitMs);
      }
    }
    await this.keep(event, at, number);
  }

  private async keep(event: ConversationEvent, at: string, number: number): Promise<void> {
    const { saveTurn, saveUsage, execute } = this.keeping;
    const about = { at, claim: this.claim };
    switch (event.type) {
      case 'turn':
        await saveTurn(event.turn);
        return;
      case 'usage':
        await saveUsage(event.usage);
        return;
      case 'tool':
        await execute({ type: 'ReportToolUse', ...about, number, use: usedTool(event.use) });
        return;
      case 'fault':
        await execute({
          type: 'ReportProviderFailure',
          ...about,
          number,
          failure: { ...event.fault, message: cut(event.fault.message) },
        });
        return;
      case 'ended':
        return;
    }
  }
}

function usedTool({ name, arguments: given, result, error, ms }: ToolUse): UsedTool {
  const written = typeof given === 'string' ? given : JSON.stringify(given);
  const isKeepable = typeof given !== 'string' && written.length <= MOST_CHARACTERS && !findJsonProblem(given);
  return {
    name: cut(name),
    arguments: isKeepable ? given : cut(written),
    result: result && cut(result),
    error: error && cut(error),
    durationMs: Math.round(ms),
  };
}

/** What a model or a server wrote may hold what the store cannot. */
function cut(text: string): string {
  const kept = text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
  return kept.replaceAll('\0', '').replace(/\p{Cs}/gu, '\ufffd');
}
