import { type Json, type TestApp } from './app.js';

/** How long a test waits for the next piece of a stream. */
const DEADLINE_MS = 20_000;

export interface ServerSentEvent {
  id: string;
  event: string;
  data: Json;
}

interface StreamRequest {
  key: string;
  lastEventId?: string | undefined;
}

/** A client of server-sent events that reads on `read` only. */
export class EventStream {
  private readonly decoder = new TextDecoder();
  private readonly comments: string[] = [];
  private text = '';

  private constructor(
    readonly response: Response,
    private readonly reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
    private readonly controller: AbortController,
  ) {}

  /** Resolves when the headers are there: from then on the server knows where the stream begins. */
  static async open(app: TestApp, path: string, { key, lastEventId }: StreamRequest): Promise<EventStream> {
    const controller = new AbortController();
    const response = await fetch(app.url + path, {
      headers: {
        authorization: `Bearer ${key}`,
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      },
      signal: controller.signal,
    });
    return new EventStream(response, response.body?.getReader(), controller);
  }

  get status(): number {
    return this.response.status;
  }

  /** The next event; undefined when the server has ended the stream. */
  async next(): Promise<ServerSentEvent | undefined> {
    for (;;) {
      const block = await this.nextBlock();
      if (block === undefined) return undefined;
      const event = parse(block);
      if (event) return event;
    }
  }

  /** Resolves when the next comment has come. */
  async comment(): Promise<string> {
    for (;;) {
      const comment = this.comments.shift();
      if (comment !== undefined) return comment;
      if ((await this.nextBlock()) === undefined) throw new Error('the stream ended');
    }
  }

  /** As many events as that; fewer when the stream ends before. */
  async take(count: number): Promise<ServerSentEvent[]> {
    const events: ServerSentEvent[] = [];
    while (events.length < count) {
      const event = await this.next();
      if (!event) break;
      events.push(event);
    }
    return events;
  }

  /** Every event up to the end of the stream. */
  rest(): Promise<ServerSentEvent[]> {
    return this.take(Infinity);
  }

  /** Reads up to the first event of a type, and returns it. */
  async until(type: string): Promise<ServerSentEvent> {
    for (;;) {
      const event = await this.next();
      if (!event) throw new Error(`the stream (${this.status}) ended without ${type}`);
      if (event.event === type) return event;
    }
  }

  /** Hangs up on the server. */
  close(): void {
    this.controller.abort();
  }

  private async nextBlock(): Promise<string | undefined> {
    for (;;) {
      const end = this.text.indexOf('\n\n');
      if (end >= 0) {
        const block = this.text.slice(0, end);
        this.text = this.text.slice(end + 2);
        if (block.startsWith(':')) this.comments.push(block.slice(1).trim());
        return block;
      }
      const { done, value } = await this.read();
      if (done) return undefined;
      this.text += this.decoder.decode(value, { stream: true });
    }
  }

  private async read(): Promise<{ done: boolean; value?: Uint8Array | undefined }> {
    if (!this.reader) return { done: true };
    const timer = setTimeout(() => {
      this.controller.abort(new Error(`nothing came within ${DEADLINE_MS} ms`));
    }, DEADLINE_MS);
    try {
      return await this.reader.read();
    } finally {
      clearTimeout(timer);
    }
  }
}

function parse(block: string): ServerSentEvent | undefined {
  const fields = Object.fromEntries(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const { id, event, data } = fields;
  if (data === undefined) return undefined;
  if (id === undefined || event === undefined) throw new Error(`an event without id or type: ${block}`);
  return { id, event, data: JSON.parse(data) };
}
