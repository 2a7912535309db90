export interface BatcherOptions {
  /** The most items in one batch. */
  maxBatch: number;
  /** The most batches under way at once; what comes meanwhile joins the next one. */
  maxInFlight: number;
  /** Whether a failed batch is certain to have left nothing behind, so that its items may be tried one by one. */
  mayRetryAlone?: (error: unknown) => boolean;
}

interface Waiting<I, O> {
  item: I;
  resolve: (result: O) => void;
  reject: (error: unknown) => void;
}

/**
 * Joins work that arrives at the same time into one round trip, and tells each caller its own result. Idle, an item
 * leaves at once and alone; under load batches grow by themselves, because items wait only for a free slot.
 */
export class Batcher<I, O> {
  private waiting: Waiting<I, O>[] = [];
  private inFlight = 0;
  private scheduled = false;

  /** @param run answers a batch with one result an item, in the same order */
  constructor(
    private readonly run: (items: I[]) => Promise<O[]>,
    private readonly options: BatcherOptions,
  ) {}

  submit(item: I): Promise<O> {
    return new Promise<O>((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      // One turn of the event loop collects every request that the same read from the network brought.
      if (!this.scheduled) {
        this.scheduled = true;
        setImmediate(() => {
          this.scheduled = false;
          this.drain();
        });
      }
    });
  }

  private drain(): void {
    while (this.waiting.length > 0 && this.inFlight < this.options.maxInFlight) {
      const batch = this.waiting.splice(0, this.options.maxBatch);
      this.inFlight++;
      void this.settle(batch).finally(() => {
        this.inFlight--;
        this.drain();
      });
    }
  }

  private async settle(batch: Waiting<I, O>[]): Promise<void> {
    try {
      const results = await this.run(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => {
        resolve(results[index] as O);
      });
    } catch (error) {
      if (batch.length > 1 && this.options.mayRetryAlone?.(error)) {
        for (const one of batch) await this.settle([one]);
      } else {
        batch.forEach(({ reject }) => {
          reject(error);
        });
      }
    }
  }
}
