import { decodeG711, encodeG711 } from '../../platform/audio/index.js';
import { ProviderError } from '../ports.js';
import { EventQueue } from './event-queue.js';
import { addressOf, bearer } from './http.js';
import { isRecord, parseJson } from './json.js';
import { PATIENCE, type Patience } from './patience.js';
import { ProviderSocket } from './provider-socket.js';
import { sessionOf } from './openai-realtime-session.js';
import { type ConverseOptions, type Conversation, type SpeechEvent, type SpeechToSpeech } from './speech-to-speech.js';

export interface OpenAiRealtimeOptions {
  /** With its version: `https://api.openai.com/v1`. */
  baseUrl: string;
  apiKey: string | undefined;
  model: string;
  /** The voice when none is asked for. */
  voice: string;
  patience?: Patience;
}

/** Events that nobody reads: five minutes of audio in the smallest pieces. */
const MOST_EVENTS = 15_000;
const MOST_ARGUMENTS = 100_000;
/** Comes too late to be wrong: the turn was over already. */
const LATE = 'response_cancel_not_active';

/**
 * OpenAI Realtime, speech to speech, over a WebSocket for each call, in the codec of telephones.
 * https://developers.openai.com/api/reference/resources/realtime/client-events and `server-events`
 */
export class OpenAiRealtime implements SpeechToSpeech {
  readonly name: string;

  constructor(private readonly options: OpenAiRealtimeOptions) {
    this.name = `openai/${options.model}`;
  }

  /** @throws the reason of the signal when it is given up already */
  converse(options: ConverseOptions): Conversation {
    const { patience = PATIENCE, voice } = this.options;
    return new RealtimeConversation(this.name, this.address(), bearer(this.options.apiKey), patience, {
      ...options,
      voice: options.voice ?? voice,
    });
  }

  private address(): string {
    const query = new URLSearchParams({ model: this.options.model });
    return `${addressOf(this.options.baseUrl.replace(/^http/, 'ws'), 'realtime')}?${query.toString()}`;
  }
}

class RealtimeConversation implements Conversation {
  readonly events = new EventQueue<SpeechEvent>();
  private readonly socket: ProviderSocket;
  private turn: 'none' | 'answering' | 'cancelling' = 'none';
  /** Asked for while the turn before was being cancelled: the server takes one at a time. */
  private isOwed = false;
  /** What is spoken. */
  private item: string | undefined;

  constructor(
    private readonly name: string,
    url: string,
    headers: Record<string, string>,
    private readonly patience: Patience,
    options: ConverseOptions,
  ) {
    this.socket = new ProviderSocket({
      name,
      url,
      headers,
      signal: options.signal,
      openMs: patience.firstMs,
      onText: (text) => {
        this.take(text);
      },
      onEnd: (failure) => {
        this.events.end(
          (failure as Error | undefined) ?? new ProviderError('unavailable', `${name} ended the conversation`),
        );
      },
    });
    this.send({ type: 'session.update', session: sessionOf(options) });
  }

  write(frame: Int16Array): void {
    if (frame.length === 0) return;
    const audio = Buffer.from(encodeG711('PCMU', frame)).toString('base64');
    this.send({ type: 'input_audio_buffer.append', audio });
  }

  respond(heard: boolean): void {
    if (heard) this.send({ type: 'input_audio_buffer.commit' });
    if (this.turn === 'none') this.create();
    else this.isOwed = true;
  }

  giveResult(callId: string, content: string): void {
    const item = { type: 'function_call_output', call_id: callId, output: content };
    this.send({ type: 'conversation.item.create', item });
  }

  interrupt(playedMs: number): void {
    if (this.turn === 'answering') {
      this.send({ type: 'response.cancel' });
      this.turn = 'cancelling';
      this.socket.expect(this.patience.firstMs);
    }
    this.events.drop(({ type }) => type === 'heard' || type === 'usage' || type === 'done');
    if (this.item === undefined) return;
    const audio_end_ms = Math.max(0, Math.floor(playedMs));
    this.send({ type: 'conversation.item.truncate', item_id: this.item, content_index: 0, audio_end_ms });
    this.item = undefined;
  }

  close(): void {
    this.socket.close();
    this.events.end();
  }

  private create(): void {
    this.send({ type: 'response.create' });
    this.turn = 'answering';
    this.isOwed = false;
    this.item = undefined;
    this.socket.expect(this.patience.firstMs);
  }

  private send(event: object): void {
    this.socket.send(JSON.stringify(event));
  }

  private take(message: string): void {
    const event = parseJson(message);
    if (!isRecord(event) || typeof event['type'] !== 'string') {
      this.fail('unavailable', 'sent something that makes no sense');
      return;
    }
    if (event['type'] === 'error') this.takeError(event['error']);
    else if (event['type'] === 'response.done') this.takeDone(event['response']);
    else {
      if (event['type'].startsWith('response.')) this.socket.expect(this.patience.nextMs);
      this.takePart(event['type'], event);
    }
    if (this.events.length > MOST_EVENTS) this.fail('unavailable', 'said more than anybody listens to');
  }

  private takePart(type: string, { delta, transcript, item_id: item, ...event }: Record<string, unknown>): void {
    if (type === 'conversation.item.input_audio_transcription.completed' && typeof transcript === 'string')
      this.events.push({ type: 'heard', text: transcript.trim() });
    // What was on its way when the turn was given up.
    if (this.turn !== 'answering') return;
    if (type === 'response.output_audio.delta' && typeof delta === 'string') {
      if (typeof item === 'string') this.item = item;
      this.events.push({ type: 'audio', pcm: decodeG711('PCMU', Buffer.from(delta, 'base64')) });
    } else if (type === 'response.output_audio_transcript.delta' && typeof delta === 'string')
      this.events.push({ type: 'text', text: delta });
    else if (type === 'response.function_call_arguments.done') this.takeCall(event);
  }

  private takeCall({ call_id: id, name, arguments: given }: Record<string, unknown>): void {
    if (
      typeof id !== 'string' ||
      typeof name !== 'string' ||
      typeof given !== 'string' ||
      given.length > MOST_ARGUMENTS
    )
      this.fail('unavailable', 'sent a tool call that makes no sense');
    else this.events.push({ type: 'tool_call', call: { id, name, arguments: given.trim() || '{}' } });
  }

  private takeDone(response: unknown): void {
    const { status, status_details: details, usage } = isRecord(response) ? response : {};
    this.turn = 'none';
    this.socket.rest();
    if (status === 'failed') {
      this.takeError(isRecord(details) ? details['error'] : undefined);
      return;
    }
    const { input_tokens: inputTokens, output_tokens: outputTokens } = isRecord(usage) ? usage : {};
    if (typeof inputTokens === 'number' && typeof outputTokens === 'number')
      this.events.push({ type: 'usage', inputTokens, outputTokens });
    this.events.push({ type: 'done' });
    if (this.isOwed) this.create();
  }

  private takeError(error: unknown): void {
    const { type, code } = isRecord(error) ? error : {};
    const kind = `${String(type)} ${String(code)}`;
    if (kind.includes(LATE)) return;
    if (/rate.?limit/.test(kind)) this.fail('rate_limited', 'has had enough for now');
    else this.fail(kind.includes('invalid_request') ? 'refused' : 'unavailable', 'reported an error');
  }

  private fail(fault: ProviderError['fault'], what: string): void {
    this.socket.close();
    this.events.end(new ProviderError(fault, `${this.name} ${what}`));
  }
}
