/** Runs tasks one after another. A failed task does not stop the next one. */
export class SerialQueue {
  private last: Promise<unknown> = Promise.resolve();

  /** @param failed receives what tasks of `do` throw */
  constructor(private readonly failed: (error: unknown) => void = () => undefined) {}

  /** Resolves when the task has succeeded or failed; a failure goes to `failed`. */
  do(task: () => Promise<void> | void): Promise<void> {
    return this.run(task).catch(this.failed);
  }

  /** Resolves or rejects with the task. */
  run<T>(task: () => Promise<T> | T): Promise<T> {
    const result = this.last.then(task);
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Resolves when every task so far has settled. */
  async idle(): Promise<void> {
    await this.last;
  }
}
