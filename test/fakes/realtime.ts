import { type WebSocket } from 'ws';
import { decodeG711, encodeG711 } from '../../src/lib/audio/g711.js';
import { type ChatRequest, type LabRule, type Reply, replyTo, usageOf } from './chat.js';
import { type Fault } from './faults.js';

export interface RealtimeEars {
  hear: (pcm: Int16Array) => string;
  /** PCM16 at 8 kHz. */
  say: (text: string) => Promise<Int16Array>;
  rules: readonly LabRule[];
}

interface ClientEvent {
  type: string;
  event_id?: string;
  audio?: string;
  session?: { instructions?: string; tools?: { name: string }[] };
  item?: { type?: string; role?: string; content?: { text?: string }[]; output?: string };
  item_id?: string;
  audio_end_ms?: number;
  response?: { instructions?: string; tool_choice?: string };
}

/** 200 ms of µ-law. */
const PIECE = 1_600;
const MAX_BYTES = 10_000_000;
/** Less than 100 ms cannot be committed; bytes of µ-law. */
const LEAST_BYTES = 800;

/**
 * OpenAI's Realtime protocol for one socket, as far as it is used: turns that the client decides, µ-law, tools. Takes
 * ill what the real one does: a turn while it has one, an utterance without sound, more truncated than was said.
 * https://developers.openai.com/api/reference/resources/realtime/server-events
 */
export class RealtimeAnswer {
  private readonly chat: Required<Pick<ChatRequest, 'messages' | 'tools'>> = { messages: [], tools: [] };
  /** How long what was said in each item is, milliseconds. */
  private readonly said = new Map<string, number>();
  private audio: Buffer[] = [];
  private size = 0;
  private utterances = 0;
  private turn = 0;
  private isAnswering = false;
  private isCancelled = false;

  constructor(
    private readonly socket: WebSocket,
    private readonly ears: RealtimeEars,
    private readonly fault: Fault | undefined,
  ) {
    this.send({ type: 'session.created' });
    socket.on('message', (data: Buffer) => {
      void this.take(JSON.parse(data.toString()) as ClientEvent);
    });
  }

  private send(event: object): void {
    this.socket.send(JSON.stringify(event));
  }

  private readonly verbs: Readonly<Record<string, (event: ClientEvent) => void | Promise<void>>> = {
    'session.update': ({ session }) => {
      if (session?.instructions) this.chat.messages.push({ role: 'system', content: session.instructions });
      this.chat.tools = (session?.tools ?? []).map((tool) => ({ function: tool }));
      this.send({ type: 'session.updated' });
    },
    'input_audio_buffer.append': ({ audio }) => {
      this.append(Buffer.from(audio ?? '', 'base64'));
    },
    'input_audio_buffer.commit': (event) => {
      this.commit(event);
    },
    'conversation.item.create': ({ item }) => {
      const text = item?.content?.[0]?.text ?? '';
      if (item?.type === 'message') this.chat.messages.push({ role: item.role ?? 'user', content: text });
      else if (item?.type === 'function_call_output')
        this.chat.messages.push({ role: 'tool', content: item.output ?? '' });
    },
    'conversation.item.truncate': (event) => {
      this.truncate(event);
    },
    'response.cancel': (event) => {
      if (this.isAnswering) this.isCancelled = true;
      else this.refuse(event, 'response_cancel_not_active');
    },
    'response.create': (event) => this.respond(event),
  };

  private async take(event: ClientEvent): Promise<void> {
    const verb = this.verbs[event.type];
    if (verb) await verb(event);
    else this.refuse(event, 'invalid_value');
  }

  private refuse({ event_id }: ClientEvent, code: string): void {
    this.send({ type: 'error', error: { type: 'invalid_request_error', code, event_id } });
  }

  private append(bytes: Buffer): void {
    this.audio.push(bytes);
    this.size += bytes.length;
    if (this.size > MAX_BYTES) this.socket.close(1009);
  }

  private commit(event: ClientEvent): void {
    const bytes = Buffer.concat(this.audio);
    this.audio = [];
    if (bytes.length < LEAST_BYTES) {
      this.refuse(event, 'input_audio_buffer_commit_empty');
      return;
    }
    const transcript = this.ears.hear(decodeG711('PCMU', bytes));
    const item_id = `heard_${++this.utterances}`;
    this.chat.messages.push({ role: 'user', content: transcript });
    this.send({ type: 'input_audio_buffer.committed', item_id });
    this.send({ type: 'conversation.item.input_audio_transcription.completed', item_id, transcript });
  }

  private truncate(event: ClientEvent): void {
    const saidMs = this.said.get(event.item_id ?? '');
    if (saidMs === undefined || (event.audio_end_ms ?? 0) > saidMs) this.refuse(event, 'invalid_value');
    else this.send({ type: 'conversation.item.truncated', item_id: event.item_id, audio_end_ms: event.audio_end_ms });
  }

  private async respond(event: ClientEvent): Promise<void> {
    if (this.isAnswering) {
      this.refuse(event, 'conversation_already_has_active_response');
      return;
    }
    this.isAnswering = true;
    this.isCancelled = false;
    const [id, item_id] = [`response_${++this.turn}`, `item_${this.turn}`];
    if (this.fault?.kind === 'garbage') {
      this.socket.send('<html>oops');
      return;
    }
    this.send({ type: 'response.created', response: { id } });
    const reply = this.replyTo(event);
    // Its place is before what the customer says meanwhile.
    this.chat.messages.push({ role: 'assistant', content: reply.say });
    if (!(await this.speak(reply.say, item_id))) return;
    for (const { id: call_id, function: called } of this.isOver() ? [] : reply.calls)
      this.send({ type: 'response.function_call_arguments.done', item_id, call_id, ...called });
    const { prompt_tokens: input_tokens, completion_tokens: output_tokens } = usageOf(this.chat, reply);
    const status = this.isOver() ? 'cancelled' : 'completed';
    this.isAnswering = false;
    this.send({ type: 'response.done', response: { id, status, usage: { input_tokens, output_tokens } } });
  }

  /** What is between “ and ” in the instructions of a turn is said as it is. */
  private replyTo({ response }: ClientEvent): Reply {
    const exact = /“([^]+)”/.exec(response?.instructions ?? '')?.[1];
    if (exact !== undefined) return { say: exact, calls: [] };
    const { messages, tools } = this.chat;
    return replyTo({ messages, tools: response?.tool_choice === 'none' ? [] : tools }, this.ears.rules);
  }

  /** @returns whether the turn goes on */
  private async speak(say: string, item_id: string): Promise<boolean> {
    if (say === '') return true;
    const bytes = Buffer.from(encodeG711('PCMU', await this.ears.say(say)));
    this.send({ type: 'response.output_audio_transcript.delta', item_id, delta: say });
    for (let at = 0; at < bytes.length && !this.isOver(); at += PIECE) {
      const piece = bytes.subarray(at, at + PIECE);
      this.said.set(item_id, (at + piece.length) / 8);
      const delta = piece.toString('base64');
      this.send({ type: 'response.output_audio.delta', item_id, content_index: 0, delta });
      if (this.breaks()) return false;
      // Whoever interrupts is heard in between.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return true;
  }

  /** Changes while it answers. */
  private isOver(): boolean {
    return this.isCancelled;
  }

  /** @returns whether the answer ends here */
  private breaks(): boolean {
    if (this.fault?.kind === 'half') this.socket.close(1000);
    else if (this.fault?.kind === 'closed_midway') this.socket.terminate();
    else return this.fault?.kind === 'stall_midway';
    return true;
  }
}
