import { contentLength, endOfHead, essentials, LIMITS, parseHead, type SipMessage } from './sip-message.js';

export interface StreamParserEvents {
  onMessage: (message: SipMessage, malformed: boolean) => void;
  /** A double line break between messages asks for a single one (RFC 5626 section 3.5.1). */
  onPing: () => void;
}

const CR = 13;
const LF = 10;

/** Cuts a stream into messages (RFC 3261 section 18.3). Holds no more than one message of the largest size and a chunk. */
export class StreamParser {
  private data: Buffer = Buffer.alloc(0);
  private head: { message: SipMessage; end: number } | undefined;

  constructor(private readonly events: StreamParserEvents) {}

  /** Takes what arrived. Returns false when the stream makes no sense any more and must be closed. */
  push(chunk: Buffer): boolean {
    this.data = this.data.length === 0 ? chunk : Buffer.concat([this.data, chunk]);
    for (;;) {
      if (!this.head) this.skipLineBreaks();
      const found = this.next();
      if (found === 'broken') return false;
      if (found === 'more') return true;
    }
  }

  private skipLineBreaks(): void {
    let at = 0;
    const isBreak = (index: number): boolean => this.data[index] === CR && this.data[index + 1] === LF;
    while (isBreak(at)) {
      if (isBreak(at + 2)) {
        this.events.onPing();
        at += 2;
      }
      at += 2;
    }
    this.data = this.data.subarray(at);
  }

  private next(): 'message' | 'more' | 'broken' {
    const head = this.head ?? this.readHead();
    if (head === 'more' || head === 'broken') return head;
    const { message, end } = head;
    // Without Content-Length there is no telling where the next message begins (RFC 3261 section 20.14); none is none.
    const length = contentLength(message) ?? 0;
    if (length === 'malformed') return 'broken';
    if (this.data.length < end + length) return 'more';
    message.body = Buffer.from(this.data.subarray(end, end + length));
    this.data = this.data.subarray(end + length);
    this.head = undefined;
    this.events.onMessage(message, !essentials(message));
    return 'message';
  }

  private readHead(): { message: SipMessage; end: number } | 'more' | 'broken' {
    const end = endOfHead(this.data);
    if (!end) return this.data.length > LIMITS.headBytes ? 'broken' : 'more';
    const message = parseHead(this.data.toString('utf8', 0, end.head));
    if (!message) return 'broken';
    this.head = { message, end: end.body };
    return this.head;
  }
}
