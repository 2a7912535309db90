import { type RealtimeEvent, type RealtimeResponse } from '../ports.js';
import { EventQueue } from '../../../lib/platform/index.js';

/** Unread events: five minutes of audio in the smallest parts. */
const MAX_EVENTS = 15_000;
const MAX_ARGUMENTS = 100_000;

/** One `response` of the Realtime protocol. */
export class OpenAiRealtimeReply implements RealtimeResponse {
  /** The spoken item of the conversation. */
  item: string | undefined;
  private readonly events = new EventQueue<RealtimeEvent>();
  private ended = false;

  /** @param order the body of `response.create` */
  constructor(
    readonly order: object,
    readonly truncate: (playedMs: number) => void,
  ) {}

  /** Ignores events after the end, which were in flight at a truncation. @returns the problem of an invalid event */
  take(event: RealtimeEvent | 'wrong' | undefined, item: unknown): string | undefined {
    if (this.ended || event === undefined) return undefined;
    if (event === 'wrong' || (event.type === 'tool_call' && event.call.arguments.length > MAX_ARGUMENTS))
      return 'sent a tool call that makes no sense';
    if (event.type === 'audio' && typeof item === 'string') this.item = item;
    this.events.push(event);
    return this.events.length > MAX_EVENTS ? 'said more than anybody listens to' : undefined;
  }

  end(failure?: Error): void {
    this.ended = true;
    this.events.end(failure);
  }

  [Symbol.asyncIterator](): AsyncIterator<RealtimeEvent> {
    return this.events[Symbol.asyncIterator]();
  }
}
