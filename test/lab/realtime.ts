import { type WebSocket } from 'ws';
import { decodeG711, encodeG711 } from '../../src/platform/audio/index.js';
import { type ChatRequest, type LabRule, replyTo, usageOf } from './chat.js';
import { type Fault } from './faults.js';

export interface RealtimeEars {
  hear: (pcm: Int16Array) => string;
  /** PCM16 at 8 kHz. */
  say: (text: string) => Promise<Int16Array>;
  rules: readonly LabRule[];
}

interface ClientEvent {
  type: string;
  audio?: string;
  session?: { instructions?: string; tools?: { name: string }[] };
  item?: { output?: string };
}

/** 200 ms of µ-law. */
const PIECE = 1_600;
const MOST_BYTES = 10_000_000;

/**
 * OpenAI's Realtime protocol for one socket, as far as it is used: turns that the client decides, µ-law, tools.
 * https://developers.openai.com/api/reference/resources/realtime/server-events
 */
export class RealtimeAnswer {
  private readonly chat: Required<Pick<ChatRequest, 'messages' | 'tools'>> = { messages: [], tools: [] };
  private audio: Buffer[] = [];
  private size = 0;
  private turn = 0;
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

  private async take({ type, audio, session, item }: ClientEvent): Promise<void> {
    if (type === 'session.update') {
      if (session?.instructions) this.chat.messages.push({ role: 'system', content: session.instructions });
      this.chat.tools = (session?.tools ?? []).map((tool) => ({ function: tool }));
      this.send({ type: 'session.updated' });
    } else if (type === 'input_audio_buffer.append') this.append(Buffer.from(audio ?? '', 'base64'));
    else if (type === 'input_audio_buffer.commit') this.commit();
    else if (type === 'conversation.item.create')
      this.chat.messages.push({ role: 'tool', content: item?.output ?? '' });
    else if (type === 'response.cancel') this.isCancelled = true;
    else if (type === 'response.create') await this.respond();
  }

  private append(bytes: Buffer): void {
    this.audio.push(bytes);
    this.size += bytes.length;
    if (this.size > MOST_BYTES) this.socket.close(1009);
  }

  private commit(): void {
    const transcript = this.ears.hear(decodeG711('PCMU', Buffer.concat(this.audio)));
    this.audio = [];
    this.chat.messages.push({ role: 'user', content: transcript });
    this.send({ type: 'conversation.item.input_audio_transcription.completed', item_id: 'heard', transcript });
  }

  private async respond(): Promise<void> {
    const [id, item_id] = [`response_${++this.turn}`, `item_${this.turn}`];
    this.isCancelled = false;
    if (this.fault?.kind === 'garbage') {
      this.socket.send('<html>oops');
      return;
    }
    this.send({ type: 'response.created', response: { id } });
    const reply = replyTo(this.chat, this.ears.rules);
    const bytes = Buffer.from(
      encodeG711('PCMU', reply.say === '' ? new Int16Array(0) : await this.ears.say(reply.say)),
    );
    if (reply.say !== '') this.send({ type: 'response.output_audio_transcript.delta', item_id, delta: reply.say });
    for (let at = 0; at < bytes.length && !this.isOver(); at += PIECE) {
      const delta = bytes.subarray(at, at + PIECE).toString('base64');
      this.send({ type: 'response.output_audio.delta', response_id: id, item_id, content_index: 0, delta });
      if (this.breaks()) return;
      // Whoever interrupts is heard in between.
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const { id: call_id, function: called } of this.isOver() ? [] : reply.calls)
      this.send({ type: 'response.function_call_arguments.done', item_id, call_id, ...called });
    this.chat.messages.push({ role: 'assistant', content: reply.say });
    const { prompt_tokens: input_tokens, completion_tokens: output_tokens } = usageOf(this.chat, reply);
    const status = this.isOver() ? 'cancelled' : 'completed';
    this.send({ type: 'response.done', response: { id, status, usage: { input_tokens, output_tokens } } });
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
