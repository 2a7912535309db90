import { type LookupFunction } from 'node:net';
import { decodeG711, encodeG711 } from '../../../lib/audio/index.js';
import {
  type RealtimeOptions,
  type ModelMessage,
  ProviderError,
  type RealtimeEvent,
  type RealtimeResponseOptions,
  type RealtimeResponse,
  type RealtimeSession,
  type RealtimeModel,
} from '../ports.js';
import { addressOf, bearer } from '../http.js';
import { isRecord, parseJson } from '../json.js';
import { OpenAiRealtimeReply } from './openai-realtime-reply.js';
import { itemsOf, responseOf, sessionOf } from './openai-realtime-session.js';
import { OpenAiRealtimeTranscripts } from './openai-realtime-transcripts.js';
import { DEFAULT_TIMEOUTS, type ProviderTimeouts } from '../provider-timeouts.js';
import { ProviderSocket, type SocketOptions } from '../provider-socket.js';

export interface OpenAiRealtimeOptions {
  /** Base URL with its version: `https://api.openai.com/v1`. */
  baseUrl: string;
  apiKey: string | undefined;
  model: string;
  /** Voice of requests without one. */
  voice: string;
  /** The lookup of a guard; it refuses addresses that are not public. */
  lookup?: LookupFunction | undefined;
  timeouts?: ProviderTimeouts;
}

/** Event id of a truncation: that the turn had ended or was shorter is no error. */
const CUT = 'cut';
/** Error of a cancel after the end of the turn, which has no consequence. */
const LATE = 'response_cancel_not_active';

/**
 * OpenAI Realtime, speech to speech: one WebSocket for each call, G.711 in both directions.
 * https://developers.openai.com/api/reference/resources/realtime/client-events and `server-events`
 */
export class OpenAiRealtime implements RealtimeModel {
  readonly name: string;

  constructor(private readonly options: OpenAiRealtimeOptions) {
    this.name = `openai/${options.model}`;
  }

  connect(options: RealtimeOptions): RealtimeSession {
    const { apiKey, lookup, timeouts = DEFAULT_TIMEOUTS, voice } = this.options;
    const server = { name: this.name, url: this.address(), headers: bearer(apiKey), lookup };
    return new OpenAiRealtimeConversation(server, timeouts, { ...options, voice: options.voice ?? voice });
  }

  private address(): string {
    const query = new URLSearchParams({ model: this.options.model });
    return `${addressOf(this.options.baseUrl.replace(/^http/, 'ws'), 'realtime')}?${query.toString()}`;
  }
}

class OpenAiRealtimeConversation implements RealtimeSession {
  private readonly name: string;
  private readonly socket: ProviderSocket;
  private readonly transcripts = new OpenAiRealtimeTranscripts();
  /** The response in progress: the server takes one at a time, and later ones wait. */
  private current: OpenAiRealtimeReply | undefined;
  private waiting: OpenAiRealtimeReply[] = [];
  private ended: Error | undefined;

  constructor(
    server: Pick<SocketOptions, 'name' | 'url' | 'headers' | 'lookup'>,
    private readonly timeouts: ProviderTimeouts,
    options: RealtimeOptions,
  ) {
    this.name = server.name;
    this.socket = new ProviderSocket({
      ...server,
      signal: options.signal,
      openMs: timeouts.firstMs,
      onText: (text) => {
        this.take(text);
      },
      onEnd: (failure) => {
        this.end(
          (failure as Error | undefined) ?? new ProviderError('unavailable', `${this.name} ended the conversation`),
        );
      },
    });
    this.send({ type: 'session.update', session: sessionOf(options) });
    for (const message of options.messages) this.add(message);
  }

  write(frame: Int16Array): void {
    if (frame.length === 0) return;
    const audio = Buffer.from(encodeG711('PCMU', frame)).toString('base64');
    this.send({ type: 'input_audio_buffer.append', audio });
  }

  finish(): Promise<string | undefined> {
    if (this.ended) return Promise.reject(this.ended);
    this.send({ type: 'input_audio_buffer.commit' });
    return this.transcripts.expect();
  }

  add(message: ModelMessage): void {
    for (const item of itemsOf(message)) this.send({ type: 'conversation.item.create', item });
  }

  respond(order: RealtimeResponseOptions): RealtimeResponse {
    const reply = new OpenAiRealtimeReply(responseOf(order), (playedMs) => {
      this.cut(reply, playedMs);
    });
    if (this.ended) reply.end(this.ended);
    else this.waiting.push(reply);
    this.next();
    return reply;
  }

  close(): void {
    this.socket.close();
    this.end(new ProviderError('unavailable', `${this.name} was closed`));
  }

  private next(): void {
    if (this.current) return;
    this.current = this.waiting.shift();
    if (!this.current) return;
    this.send({ type: 'response.create', response: this.current.order });
    this.socket.expect(this.timeouts.firstMs);
  }

  private cut(reply: OpenAiRealtimeReply, playedMs: number): void {
    reply.end();
    this.waiting = this.waiting.filter((other) => other !== reply);
    if (this.current === reply) {
      this.send({ type: 'response.cancel', event_id: CUT });
      this.socket.expect(this.timeouts.firstMs);
    }
    const { item } = reply;
    if (item === undefined) return;
    const audio_end_ms = Math.max(0, Math.floor(playedMs));
    this.send({
      ...{ type: 'conversation.item.truncate', event_id: CUT },
      ...{ item_id: item, content_index: 0, audio_end_ms },
    });
  }

  private send(event: object): void {
    this.socket.send(JSON.stringify(event));
  }

  private take(message: string): void {
    const event = parseJson(message);
    if (!isRecord(event) || typeof event['type'] !== 'string') {
      this.fail(new ProviderError('unavailable', `${this.name} sent something that makes no sense`));
      return;
    }
    const { type } = event;
    if (type === 'error') this.takeError(event['error']);
    else if (type === 'response.done') this.takeDone(event['response']);
    else if (type.startsWith('response.')) this.takePart(type, event);
    else this.transcripts.take(type, event);
  }

  private takePart(type: string, event: Record<string, unknown>): void {
    if (!this.current) return;
    this.socket.expect(this.timeouts.nextMs);
    const wrong = this.current.take(eventOf(type, event), event['item_id']);
    if (wrong !== undefined) this.fail(new ProviderError('unavailable', `${this.name} ${wrong}`));
  }

  private takeDone(response: unknown): void {
    const { status, status_details: details, usage } = isRecord(response) ? response : {};
    const { current } = this;
    this.current = undefined;
    this.socket.rest();
    if (status === 'failed') {
      current?.end(this.errorOf(isRecord(details) ? details['error'] : undefined));
    } else {
      const { input_tokens: inputTokens, output_tokens: outputTokens } = isRecord(usage) ? usage : {};
      if (typeof inputTokens === 'number' && typeof outputTokens === 'number')
        current?.take({ type: 'usage', inputTokens, outputTokens }, undefined);
      current?.end();
    }
    this.next();
  }

  private takeError(error: unknown): void {
    const { code, event_id: sent } = isRecord(error) ? error : {};
    if (sent !== CUT && code !== LATE) this.fail(this.errorOf(error));
  }

  private errorOf(error: unknown): ProviderError {
    const { type, code } = isRecord(error) ? error : {};
    const kind = `${String(type)} ${String(code)}`;
    if (/rate.?limit/.test(kind)) return new ProviderError('rate_limited', `${this.name} has had enough for now`);
    const fault = kind.includes('invalid_request') ? 'refused' : 'unavailable';
    return new ProviderError(fault, `${this.name} reported an error`);
  }

  private fail(error: ProviderError): void {
    this.socket.close();
    this.end(error);
  }

  private end(error: Error): void {
    if (this.ended) return;
    this.ended = error;
    this.transcripts.end(error);
    for (const reply of [this.current, ...this.waiting]) reply?.end(error);
    this.current = undefined;
    this.waiting = [];
  }
}

/** An event in the conversation's terms; undefined for irrelevant and unreadable events. */
function eventOf(type: string, { delta, ...event }: Record<string, unknown>): RealtimeEvent | 'wrong' | undefined {
  if (type === 'response.function_call_arguments.done') return callOf(event);
  if (typeof delta !== 'string') return undefined;
  if (type === 'response.output_audio.delta')
    return { type: 'audio', pcm: decodeG711('PCMU', Buffer.from(delta, 'base64')) };
  return type === 'response.output_audio_transcript.delta' ? { type: 'text', text: delta } : undefined;
}

function callOf({ call_id: id, name, arguments: given }: Record<string, unknown>): RealtimeEvent | 'wrong' {
  if (typeof id !== 'string' || typeof name !== 'string' || typeof given !== 'string') return 'wrong';
  return { type: 'tool_call', call: { id, name, arguments: given.trim() || '{}' } };
}
