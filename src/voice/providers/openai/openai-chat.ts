import { type LookupFunction } from 'node:net';
import { type LanguageModel, type ModelEvent, type ModelMessage, type ModelRequest } from '../ports.js';
import { ProviderRequest } from '../provider-request.js';
import { addressOf, bearer, bytesOf, post } from '../http.js';
import { OpenAiChatReply } from './openai-chat-reply.js';
import { DEFAULT_TIMEOUTS, type ProviderTimeouts } from '../provider-timeouts.js';
import { SseParser } from '../sse-parser.js';

export interface OpenAiChatOptions {
  /** With its version: `https://api.openai.com/v1`. */
  baseUrl: string;
  apiKey: string | undefined;
  model: string;
  /** Of a guard. */
  lookup?: LookupFunction | undefined;
  patience?: ProviderTimeouts;
}

/** Of a whole reply with its envelopes, bytes. */
const MOST_BYTES = 10_000_000;
/** After the last event the server has so long to end the answer, else the connection is not used again. */
const LEAVE_MS = 1_000;
const DONE = '[DONE]';

/**
 * A language model behind any server that knows OpenAI's `POST /chat/completions`, streaming.
 * https://platform.openai.com/docs/api-reference/chat
 */
export class OpenAiChat implements LanguageModel {
  readonly name: string;

  constructor(private readonly options: OpenAiChatOptions) {
    this.name = `openai/${options.model}`;
  }

  async *respond(options: ModelRequest): AsyncGenerator<ModelEvent> {
    const { patience = DEFAULT_TIMEOUTS } = this.options;
    const exchange = new ProviderRequest(this.name, options.signal);
    let left = false;
    try {
      exchange.expect(patience.firstMs);
      const response = await post(exchange, this.request(options));
      const body = bytesOf(exchange, response, MOST_BYTES);
      const parser = new SseParser();
      const reply = new OpenAiChatReply(this.name);
      let done = false;
      while (!done) {
        const next = await body.next();
        const events = next.done ? parser.end() : parser.push(next.value);
        // Comments keep a connection alive, but are no answer: only what says something winds up the clock.
        if (events.length > 0) exchange.rest();
        for (const data of events) {
          if (data === DONE) done = true;
          else if (!done) yield* reply.take(data);
        }
        if (next.done) break;
        if (events.length > 0) exchange.expect(patience.nextMs);
      }
      left = done;
      if (done) void leave(body, exchange);
      else exchange.rest();
      yield* reply.end(done);
    } catch (error) {
      throw exchange.failure(error);
    } finally {
      if (!left) exchange.end();
    }
  }

  private request({ messages, tools, temperature }: ModelRequest) {
    const { baseUrl, apiKey, model, lookup } = this.options;
    const body = {
      model,
      messages: messages.map(wire),
      stream: true,
      stream_options: { include_usage: true },
      ...(temperature === undefined ? {} : { temperature }),
      ...(tools.length === 0 ? {} : { tools: tools.map((tool) => ({ type: 'function', function: tool })) }),
    };
    return {
      url: addressOf(baseUrl, 'chat/completions'),
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(apiKey) },
      body: JSON.stringify(body),
      lookup,
    };
  }
}

/** Reads what follows the last event, so that the connection can be used again. Nobody waits for it. */
async function leave(body: AsyncGenerator<Uint8Array>, exchange: ProviderRequest): Promise<void> {
  exchange.detach();
  exchange.expect(LEAVE_MS);
  try {
    for (;;) if ((await body.next()).done) return;
  } catch {
    // Closed then.
  } finally {
    exchange.end();
  }
}

function wire(message: ModelMessage): object {
  switch (message.role) {
    case 'system':
    case 'user':
      return { role: message.role, content: message.content };
    case 'tool':
      return { role: 'tool', tool_call_id: message.toolCallId, content: message.content };
    case 'assistant': {
      const calls = message.toolCalls ?? [];
      if (calls.length === 0) return { role: 'assistant', content: message.content };
      const tool_calls = calls.map(({ id, name, arguments: given }) => ({
        id,
        type: 'function',
        function: { name, arguments: given },
      }));
      return { role: 'assistant', content: message.content === '' ? null : message.content, tool_calls };
    }
  }
}
