import { type LookupFunction } from 'node:net';
import { type LanguageModel, type ModelEvent, type ModelMessage, type ModelRequest } from '../ports.js';
import { ProviderRequest } from '../provider-request.js';
import { addressOf, bearer, bytesOf, post } from '../http.js';
import { OpenAiChatReply } from './openai-chat-reply.js';
import { DEFAULT_TIMEOUTS, type ProviderTimeouts } from '../provider-timeouts.js';
import { SseParser } from '../sse-parser.js';

export interface OpenAiChatOptions {
  /** Base URL with its version: `https://api.openai.com/v1`. */
  baseUrl: string;
  apiKey: string | undefined;
  model: string;
  /** The lookup of a guard; it refuses addresses that are not public. */
  lookup?: LookupFunction | undefined;
  timeouts?: ProviderTimeouts;
}

/** Bytes of a whole reply with its envelopes. */
const MAX_BYTES = 10_000_000;
/** Time after the last event in which the answer must end for the connection to be reused. */
const LEAVE_MS = 1_000;
const DONE = '[DONE]';

/**
 * A streaming language model of any server with OpenAI's `POST /chat/completions`.
 * https://platform.openai.com/docs/api-reference/chat
 */
export class OpenAiChat implements LanguageModel {
  readonly name: string;

  constructor(private readonly options: OpenAiChatOptions) {
    this.name = `openai/${options.model}`;
  }

  async *respond(options: ModelRequest): AsyncGenerator<ModelEvent> {
    const { timeouts = DEFAULT_TIMEOUTS } = this.options;
    const exchange = new ProviderRequest(this.name, options.signal);
    let left = false;
    try {
      exchange.expect(timeouts.firstMs);
      const response = await post(exchange, this.request(options));
      const body = bytesOf(exchange, response, MAX_BYTES);
      const parser = new SseParser();
      const reply = new OpenAiChatReply(this.name);
      let done = false;
      while (!done) {
        const next = await body.next();
        const events = next.done ? parser.end() : parser.push(next.value);
        // Comments keep a connection alive but are no answer: only content restarts the timeout.
        if (events.length > 0) exchange.rest();
        for (const data of events) {
          if (data === DONE) done = true;
          else if (!done) yield* reply.take(data);
        }
        if (next.done) break;
        if (events.length > 0) exchange.expect(timeouts.nextMs);
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

/** Reads to the end of the answer in the background, so that the connection can be reused. */
async function leave(body: AsyncGenerator<Uint8Array>, exchange: ProviderRequest): Promise<void> {
  exchange.detach();
  exchange.expect(LEAVE_MS);
  try {
    for (;;) if ((await body.next()).done) return;
  } catch {
    // The connection is closed instead.
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
