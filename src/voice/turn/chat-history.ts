import { type ModelMessage, type ToolCall } from '../providers/ports.js';

/** What the agent said, or is saying, in answer to one request to the model. */
export interface AssistantEntry {
  role: 'assistant';
  content: string;
  toolCalls: readonly ToolCall[];
  /** By the id of the call. */
  results: Map<string, string>;
}

export interface UserEntry {
  role: 'user';
  content: string;
}

type Entry = UserEntry | AssistantEntry;

export const UNKNOWN_RESULT = 'Error: interrupted by the customer; whether it was done is not known';

/** What was said, as the model is told: of the agent's words only those that were heard. */
export class ChatHistory {
  private readonly entries: Entry[] = [];

  constructor(private readonly instructions: string) {}

  /** Where the words come later, the entry is the caller's to fill; while it is empty, the model is not told of it. */
  user(content: string): UserEntry {
    const entry: UserEntry = { role: 'user', content };
    this.entries.push(entry);
    return entry;
  }

  /** The entry is the caller's to fill; while it is empty, the model is not told of it. */
  assistant(): AssistantEntry {
    const entry: AssistantEntry = { role: 'assistant', content: '', toolCalls: [], results: new Map() };
    this.entries.push(entry);
    return entry;
  }

  /**
   * Words of the customer with nothing heard in between are one message, and every tool call has a result behind it,
   * as models demand. `note`: told to the model this once, as if by the customer: not every model takes it otherwise.
   */
  messages(note?: string): ModelMessage[] {
    const messages: ModelMessage[] = this.instructions ? [{ role: 'system', content: this.instructions }] : [];
    for (const entry of this.entries) {
      const last = messages.at(-1);
      if (entry.role === 'assistant') messages.push(...assistantMessages(entry));
      else if (!entry.content) continue;
      else if (last?.role === 'user')
        messages[messages.length - 1] = { ...last, content: `${last.content} ${entry.content}` };
      else messages.push({ role: 'user', content: entry.content });
    }
    return note === undefined ? messages : [...messages, { role: 'user', content: `[${note}]` }];
  }
}

function assistantMessages({ content, toolCalls, results }: AssistantEntry): ModelMessage[] {
  if (!content && toolCalls.length === 0) return [];
  if (toolCalls.length === 0) return [{ role: 'assistant', content }];
  return [
    { role: 'assistant', content, toolCalls: [...toolCalls] },
    ...toolCalls.map(({ id }): ModelMessage => ({
      role: 'tool',
      toolCallId: id,
      content: results.get(id) ?? UNKNOWN_RESULT,
    })),
  ];
}
