import { type Clock } from '../../../src/voice/clock.js';
import {
  type RealtimeOptions,
  type ModelMessage,
  ProviderError,
  type ProviderFault,
  type RealtimeEvent,
  type RealtimeResponseOptions,
  type RealtimeResponse,
  type RealtimeSession,
  type RealtimeModel,
} from '../../../src/voice/providers/ports.js';
import { EventQueue } from '../../../src/lib/platform/async/event-queue.js';
import { type Answer, type Behaviour, CHARACTER_MS, type Plan } from './scripted-providers.js';
import { type Vocabulary } from './virtual-line.js';

/** 100 ms. */
const PIECE = 800;

export interface Script {
  /** Counted from 0; fixed phrases are not counted. */
  answer: (messages: readonly ModelMessage[], request: number) => Answer;
  /** How each answer goes, counted in the same way; a fault breaks the session. */
  thinking?: Plan | undefined;
  /** How each fixed phrase goes. */
  phrases?: Plan | undefined;
  /** How long each transcript takes; with `fault: 'empty'` the transcript fails, with `stall` it never comes. */
  hearing?: Plan | undefined;
}

/** A scripted model that hears and speaks, in virtual time. Fixed phrases stand between “ and ” in its instructions. */
export class ScriptedRealtimeModel implements RealtimeModel {
  readonly name = 'voice';
  readonly sessions: ScriptedSession[] = [];
  /** Requests for an answer, and for a fixed phrase. */
  answers = 0;
  phrases = 0;
  utterances = 0;

  constructor(
    readonly clock: Clock,
    readonly words: Vocabulary,
    readonly script: Script,
  ) {}

  connect(options: RealtimeOptions): RealtimeSession {
    options.signal.throwIfAborted();
    const session = new ScriptedSession(this, options);
    this.sessions.push(session);
    return session;
  }

  /** Sessions that are not closed. */
  get open(): number {
    return this.sessions.filter(({ closed }) => !closed).length;
  }
}

export class ScriptedSession implements RealtimeSession {
  readonly messages: ModelMessage[];
  readonly orders: RealtimeResponseOptions[] = [];
  /** How much was played of each reply that was cut, milliseconds. */
  readonly cuts: number[] = [];
  closed = false;
  private broken: Error | undefined;
  private heard: number[] = [];
  private last: Promise<unknown> = Promise.resolve();
  private readonly failing = new Set<(error: Error) => void>();
  private readonly timers = new Set<() => void>();

  constructor(
    private readonly own: ScriptedRealtimeModel,
    { messages, signal }: RealtimeOptions,
  ) {
    this.messages = [...messages];
    signal.addEventListener('abort', () => {
      this.close();
    });
  }

  write(frame: Int16Array): void {
    for (const sample of frame) this.heard.push(sample);
  }

  finish(): Promise<string | undefined> {
    const texts = this.own.words.read(this.heard).map(({ text }) => text);
    this.heard = [];
    const text = texts.filter(Boolean).join(' ');
    const { delayMs = 0, fault } = this.own.script.hearing?.(this.own.utterances++) ?? {};
    this.messages.push({ role: 'user', content: text || '(noise)' });
    return new Promise((resolve, reject) => {
      if (this.broken) reject(this.broken);
      this.failing.add(reject);
      if (fault === 'stall') return;
      this.after(delayMs, () => {
        this.failing.delete(reject);
        resolve(fault === 'empty' ? undefined : text);
      });
    });
  }

  add(message: ModelMessage): void {
    this.messages.push(message);
  }

  respond(order: RealtimeResponseOptions): RealtimeResponse {
    const queue = new EventQueue<RealtimeEvent>();
    const entry: { message?: ModelMessage & { role: 'assistant' }; cut: boolean } = { cut: false };
    const failed = (error: Error): void => {
      queue.end(error);
    };
    this.failing.add(failed);
    if (this.broken) failed(this.broken);
    const { script } = this.own;
    const phrase = /“(.*)”/.exec(order.instructions ?? '')?.[1];
    const behaviour = (phrase ? script.phrases?.(this.own.phrases) : script.thinking?.(this.own.answers)) ?? {};
    const request = phrase ? this.own.phrases++ : this.own.answers++;
    const say = (): Answer => phrase ?? script.answer(this.messages, request);
    this.last = this.last
      .then(() => {
        if (entry.cut || this.broken) return undefined;
        this.orders.push(order);
        return this.play(say(), behaviour, queue, entry);
      })
      .finally(() => {
        this.failing.delete(failed);
      });
    return {
      [Symbol.asyncIterator]: () => queue[Symbol.asyncIterator](),
      truncate: (playedMs) => {
        entry.cut = true;
        queue.end();
        this.cuts.push(playedMs);
        if (entry.message) entry.message.content = entry.message.content.slice(0, Math.round(playedMs / CHARACTER_MS));
      },
    };
  }

  /** As if the connection broke off. */
  break(fault: ProviderFault, retryAfterMs?: number): void {
    this.broken ??= new ProviderError(fault, `scripted: ${fault}`, retryAfterMs);
    for (const fail of this.failing) fail(this.broken);
    this.failing.clear();
    this.close();
  }

  close(): void {
    this.broken ??= new ProviderError('unavailable', 'scripted: closed');
    for (const fail of this.failing) fail(this.broken);
    this.failing.clear();
    for (const cancel of this.timers) cancel();
    this.timers.clear();
    this.closed = true;
  }

  private async play(
    answer: Answer,
    { delayMs = 0, betweenMs = 0, fault, after = 0, retryAfterMs }: Behaviour,
    queue: EventQueue<RealtimeEvent>,
    entry: { message?: ModelMessage & { role: 'assistant' }; cut: boolean },
  ): Promise<void> {
    const events = this.eventsOf(answer);
    entry.message = { role: 'assistant', content: '', toolCalls: [] };
    this.messages.push(entry.message);
    for (const [index, event] of events.entries()) {
      await this.pause(index === 0 ? delayMs : betweenMs);
      if (entry.cut || this.broken) return;
      if (fault && index === Math.min(after, events.length - 1)) {
        if (fault === 'stall') return;
        if (fault === 'empty') queue.end();
        else if (fault === 'bug') queue.end(new TypeError('Cannot read properties of undefined'));
        else this.break(fault, retryAfterMs);
        return;
      }
      if (event.type === 'text') entry.message.content += event.text;
      if (event.type === 'tool_call') entry.message.toolCalls?.push(event.call);
      queue.push(event);
    }
    queue.end();
  }

  /** All of the text comes before its audio. */
  private eventsOf(answer: Answer): RealtimeEvent[] {
    const events: RealtimeEvent[] = typeof answer === 'string' ? [{ type: 'text', text: answer }] : answer;
    const text = events.flatMap((event) => (event.type === 'text' ? [event.text] : [])).join('');
    const audio = (text.match(/[^.?!]+[.?!]?\s*/g) ?? []).flatMap((sentence): RealtimeEvent[] => {
      const pcm = this.own.words.speech(sentence.trim(), sentence.length * CHARACTER_MS, 'agent');
      return Array.from({ length: Math.ceil(pcm.length / PIECE) }, (_, n) => ({
        type: 'audio',
        pcm: pcm.slice(n * PIECE, (n + 1) * PIECE),
      }));
    });
    const calls = events.filter(({ type }) => type === 'tool_call');
    const words = events.filter(({ type }) => type === 'text');
    return [...words, ...audio, ...calls, { type: 'usage', inputTokens: 10, outputTokens: 5 }];
  }

  private pause(ms: number): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  private after(ms: number, run: () => void): void {
    if (ms <= 0) {
      run();
      return;
    }
    const stop = (): void => {
      cancel();
    };
    const cancel = this.own.clock.after(ms, () => {
      this.timers.delete(stop);
      run();
    });
    this.timers.add(stop);
  }
}
