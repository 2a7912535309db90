import { type RealtimeEvent, type RealtimeResponse } from '../ports.js';
import { EventQueue } from '../../../lib/platform/index.js';

/** Events that nobody reads: five minutes of audio in the smallest pieces. */
const MOST_EVENTS = 15_000;
const MOST_ARGUMENTS = 100_000;

/** One `response` of the Realtime protocol. */
export class OpenAiRealtimeReply implements RealtimeResponse {
  /** What is spoken: the item of the conversation. */
  item: string | undefined;
  private readonly events = new EventQueue<RealtimeEvent>();
  private ended = false;

  /** @param order the body of `response.create` */
  constructor(
    readonly order: object,
    readonly truncate: (playedMs: number) => void,
  ) {}

  /** After its end it takes nothing: that was on its way when it was cut. @returns what is wrong with the event, if anything is */
  take(event: RealtimeEvent | 'wrong' | undefined, item: unknown): string | undefined {
    if (this.ended || event === undefined) return undefined;
    if (event === 'wrong' || (event.type === 'tool_call' && event.call.arguments.length > MOST_ARGUMENTS))
      return 'sent a tool call that makes no sense';
    if (event.type === 'audio' && typeof item === 'string') this.item = item;
    this.events.push(event);
    return this.events.length > MOST_EVENTS ? 'said more than anybody listens to' : undefined;
  }

  end(failure?: Error): void {
    this.ended = true;
    this.events.end(failure);
  }

  [Symbol.asyncIterator](): AsyncIterator<RealtimeEvent> {
    return this.events[Symbol.asyncIterator]();
  }
}
