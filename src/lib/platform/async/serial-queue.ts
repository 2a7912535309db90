/** Does one thing after another, each when the one before is done. */
export class SerialQueue {
  private last: Promise<void> = Promise.resolve();

  /** @param failed is told what an act throws; the next one follows all the same */
  constructor(private readonly failed: (error: unknown) => void) {}

  /** Resolves when it is done, or has failed. */
  do(act: () => Promise<void> | void): Promise<void> {
    this.last = this.last.then(act).catch(this.failed);
    return this.last;
  }
}
