/** Queues events of callbacks for one reader, which may start late and read slowly. The writer bounds it by `length`. */
export class EventQueue<T> implements AsyncIterable<T> {
  private readonly waiting: T[] = [];
  private ended: { failure: Error | undefined } | undefined;
  private isRead = false;
  private wake: (() => void) | undefined;

  /** Events that are not read yet. */
  get length(): number {
    return this.waiting.length;
  }

  /** Ignored after the end. */
  push(event: T): void {
    if (this.ended) return;
    this.waiting.push(event);
    this.wake?.();
  }

  /** The reader gets what was pushed before, then the end, or the failure. */
  end(failure?: Error): void {
    this.ended ??= { failure };
    this.wake?.();
  }

  /** @throws Error when it is read a second time */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    if (this.isRead) throw new Error('Events are read once');
    this.isRead = true;
    return this.read();
  }

  private async *read(): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const [event] = this.waiting.splice(0, 1);
      if (event !== undefined) yield event;
      else if (this.ended?.failure) throw this.ended.failure;
      else if (this.ended) return;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
