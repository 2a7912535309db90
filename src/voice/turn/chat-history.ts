import { type ModelMessage, type ToolCall } from '../providers/ports.js';

/** The agent's words from one request to the model. */
export interface AssistantEntry {
  role: 'assistant';
  content: string;
  toolCalls: readonly ToolCall[];
  /** Results by the id of the tool call. */
  results: Map<string, string>;
}

export interface UserEntry {
  role: 'user';
  content: string;
}

type Entry = UserEntry | AssistantEntry;

export const UNKNOWN_RESULT = 'Error: interrupted by the customer; whether it was done is not known';

/** The conversation as the model gets it: of the agent's words only those that were played. */
export class ChatHistory {
  private readonly entries: Entry[] = [];

  constructor(private readonly instructions: string) {}

  /** The caller may fill the entry later; the model does not get an empty entry. */
  user(content: string): UserEntry {
    const entry: UserEntry = { role: 'user', content };
    this.entries.push(entry);
    return entry;
  }

  /** The caller fills the entry; the model does not get an empty entry. */
  assistant(): AssistantEntry {
    const entry: AssistantEntry = { role: 'assistant', content: '', toolCalls: [], results: new Map() };
    this.entries.push(entry);
    return entry;
  }

  /**
   * Consecutive words of the customer are one message, and every tool call has a result after it, as models require.
   * `note` is added for this request only, as a message of the customer: not every model takes other roles at the end.
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
