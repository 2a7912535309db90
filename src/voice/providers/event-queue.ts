/** What comes by callbacks, as something to iterate over once. Bounded by whoever pushes. */
export class EventQueue<Event> implements AsyncIterable<Event> {
  length = 0;
  private readonly events: Event[] = [];
  private wake: (() => void) | undefined;
  private ended: { failure: Error | undefined } | undefined;

  push(event: Event): void {
    if (this.ended) return;
    this.events.push(event);
    this.length = this.events.length;
    this.wake?.();
  }

  /** What was pushed before is still read; then it ends, with the failure if there is one. */
  end(failure?: Error): void {
    this.ended ??= { failure };
    this.wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event> {
    for (;;) {
      const [event] = this.events.splice(0, 1);
      this.length = this.events.length;
      if (event !== undefined) yield event;
      else if (this.ended) {
        if (this.ended.failure !== undefined) throw this.ended.failure;
        return;
      } else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
