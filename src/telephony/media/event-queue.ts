/** Things that happen, for one reader, who may come late. Ends after `end` and all that was pushed before. */
export class EventQueue<T> implements AsyncIterable<T> {
  private readonly buffered: T[] = [];
  private ended = false;
  private wake: (() => void) | undefined;

  push(value: T): void {
    if (this.ended) return;
    this.buffered.push(value);
    this.wake?.();
  }

  end(): void {
    this.ended = true;
    this.wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      for (let value = this.buffered.shift(); value !== undefined; value = this.buffered.shift()) yield value;
      if (this.ended) return;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
