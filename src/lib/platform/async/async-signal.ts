/** Wakes waiting functions after a change. */
export class AsyncSignal {
  private wake: () => void = () => undefined;
  private next: Promise<void> | undefined;

  /** Resolves at the next `fire`. */
  changed(): Promise<void> {
    this.next ??= new Promise((resolve) => {
      this.wake = resolve;
    });
    return this.next;
  }

  fire(): void {
    this.next = undefined;
    this.wake();
  }
}
