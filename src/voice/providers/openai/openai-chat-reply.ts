import { type ModelEvent, ProviderError, type ToolCall } from '../ports.js';
import { isRecord, listOf, parseJson } from '../json.js';

const MAX_CALLS = 32;
/** Characters of one tool call. */
const MAX_ARGUMENTS = 100_000;

/**
 * Assembles a streamed reply. Text passes at once; a tool call passes when the reply is complete, so that no partial call is
 * carried out.
 * https://platform.openai.com/docs/api-reference/chat-streaming
 */
export class OpenAiChatReply {
  private readonly calls: (ToolCall & { index: unknown })[] = [];
  private usage: ModelEvent | undefined;
  private finished = false;

  constructor(private readonly name: string) {}

  /** @param data of a server-sent event. @throws ProviderError for malformed data and for an error in the stream */
  take(data: string): ModelEvent[] {
    const chunk = parseJson(data);
    if (!isRecord(chunk)) throw this.failed('sent something that is no chat chunk');
    if (chunk['error'] != null) throw this.errorIn(chunk['error']);
    if (isRecord(chunk['usage'])) this.usage = usageOf(chunk['usage']) ?? this.usage;
    const events: ModelEvent[] = [];
    const choice = listOf(chunk['choices'])[0];
    if (!isRecord(choice)) return events;
    if (typeof choice['finish_reason'] === 'string') this.finished = true;
    const delta = choice['delta'];
    if (!isRecord(delta)) return events;
    // A refusal is text, too.
    for (const text of [delta['content'], delta['refusal']])
      if (typeof text === 'string' && text !== '') events.push({ type: 'text', text });
    for (const fragment of listOf(delta['tool_calls'])) this.collect(fragment);
    return events;
  }

  /** Ends the reply. @param done whether the stream had its end marker @throws ProviderError for an incomplete stream */
  end(done: boolean): ModelEvent[] {
    if (!done && !this.finished) throw this.failed('broke off in the middle of its reply');
    const events = this.calls.map(({ id, name, arguments: given }, i): ModelEvent => {
      if (name === '') throw this.failed('called a tool without a name');
      return { type: 'tool_call', call: { id: id || `call_${i + 1}`, name, arguments: given.trim() || '{}' } };
    });
    return this.usage ? [...events, this.usage] : events;
  }

  private collect(fragment: unknown): void {
    if (!isRecord(fragment)) throw this.failed('sent a tool call that makes no sense');
    const { index, id } = fragment;
    const given = isRecord(fragment['function']) ? fragment['function'] : {};
    const call = this.callOf(index, typeof id === 'string' ? id : '');
    if (typeof given['name'] === 'string') call.name ||= given['name'];
    if (typeof given['arguments'] === 'string') call.arguments += given['arguments'];
    else if (isRecord(given['arguments'])) call.arguments = JSON.stringify(given['arguments']);
    if (call.arguments.length > MAX_ARGUMENTS) throw this.failed('sent arguments beyond all measure');
  }

  /** Some servers omit the index of a tool call or send 0 for all of them. */
  private callOf(index: unknown, id: string): ToolCall {
    const last = this.calls.at(-1);
    const known =
      index === undefined
        ? id === ''
          ? last
          : this.calls.find((call) => call.id === id)
        : this.calls.findLast((call) => call.index === index);
    if (known && (id === '' || known.id === '' || known.id === id)) {
      known.id ||= id;
      return known;
    }
    if (this.calls.length === MAX_CALLS) throw this.failed(`called more than ${MAX_CALLS} tools`);
    const call = { index, id, name: '', arguments: '' };
    this.calls.push(call);
    return call;
  }

  private errorIn(error: unknown): ProviderError {
    const code = isRecord(error) ? String(error['code'] ?? error['type']) : '';
    const fault = /429|rate.?limit/i.test(code) ? 'rate_limited' : 'unavailable';
    return new ProviderError(fault, `${this.name} failed in the middle of its reply`);
  }

  private failed(what: string): ProviderError {
    return new ProviderError('unavailable', `${this.name} ${what}`);
  }
}

function usageOf(usage: Record<string, unknown>): ModelEvent | undefined {
  const { prompt_tokens: inputTokens, completion_tokens: outputTokens } = usage;
  if (!isCount(inputTokens) || !isCount(outputTokens)) return undefined;
  return { type: 'usage', inputTokens, outputTokens };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
