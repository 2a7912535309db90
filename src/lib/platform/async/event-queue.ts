/** Events for one reader, who may come late and read slowly. */
export class EventQueue<T> implements AsyncIterable<T> {
  private readonly waiting: T[] = [];
  private ended = false;
  private taken = false;
  private wake: (() => void) | undefined;

  /** Nothing is added after the end. */
  push(event: T): void {
    if (this.ended) return;
    this.waiting.push(event);
    this.wake?.();
  }

  end(): void {
    this.ended = true;
    this.wake?.();
  }

  /** @throws Error when it is read a second time */
  [Symbol.asyncIterator](): AsyncIterator<T, void> {
    if (this.taken) throw new Error('Events are read once');
    this.taken = true;
    return this.read();
  }

  private async *read(): AsyncGenerator<T, void> {
    for (;;) {
      const event = this.waiting.shift();
      if (event !== undefined) yield event;
      else if (this.ended) return;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
