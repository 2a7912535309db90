/** Characters of one event. */
const MOST = 1_000_000;

/**
 * Reads server-sent events (WHATWG HTML, section 9.2.6) from bytes cut anywhere, and returns their data. Names, ids and
 * comments are skipped. Unlike a browser it also returns a last event without an empty line: not every server writes it.
 */
export class SseParser {
  private readonly decoder = new TextDecoder();
  /** The unfinished line. */
  private line = '';
  private data: string[] = [];
  private size = 0;
  private afterCr = false;

  /** @returns the data of the events that end here. @throws RangeError for an event beyond a million characters */
  push(bytes: Uint8Array): string[] {
    return this.read(this.decoder.decode(bytes, { stream: true }));
  }

  /** Ends the stream. */
  end(): string[] {
    const events = this.read(this.decoder.decode());
    if (this.line !== '') this.take(this.line, events);
    this.line = '';
    this.take('', events);
    return events;
  }

  private read(text: string): string[] {
    const events: string[] = [];
    let from = 0;
    if (this.afterCr && text.length > 0) {
      if (text.startsWith('\n')) from = 1;
      this.afterCr = false;
    }
    for (let at = from; at < text.length; at++) {
      const char = text[at];
      if (char !== '\n' && char !== '\r') continue;
      const line = this.line + text.slice(from, at);
      this.line = '';
      this.take(line, events);
      if (char === '\r') {
        if (at + 1 === text.length) this.afterCr = true;
        else if (text[at + 1] === '\n') at++;
      }
      from = at + 1;
    }
    this.line += text.slice(from);
    this.guard();
    return events;
  }

  private take(line: string, events: string[]): void {
    if (line === '') {
      if (this.data.length > 0) events.push(this.data.join('\n'));
      this.data = [];
      this.size = 0;
      return;
    }
    const colon = line.indexOf(':');
    if ((colon < 0 ? line : line.slice(0, colon)) !== 'data') return;
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    this.data.push(value);
    this.size += value.length + 1;
    this.guard();
  }

  private guard(): void {
    if (this.size + this.line.length > MOST) throw new RangeError('a server-sent event beyond all measure');
  }
}
