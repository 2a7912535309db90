/** A leg whose signals are being read. */
export interface LegReader {
  /** Names its attempt. */
  readonly attemptId: string;
  /** Reads the ledger again at once. */
  refresh(): void;
}

/** All readers of legs in this process. */
export class LegReaders {
  private readonly readers = new Set<LegReader>();
  private closed = false;

  get isClosed(): boolean {
    return this.closed;
  }

  add(reader: LegReader): void {
    this.readers.add(reader);
  }

  delete(reader: LegReader): void {
    this.readers.delete(reader);
  }

  /** Refreshes the readers of an attempt, after its records in the ledger changed. */
  refresh(attemptId: string): void {
    for (const reader of this.readers) if (reader.attemptId === attemptId) reader.refresh();
  }

  /** Ends all reading. */
  close(): void {
    this.closed = true;
    for (const reader of this.readers) reader.refresh();
  }
}
