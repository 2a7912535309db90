import { type Clock } from './clock.js';
import { ProviderError } from './providers/ports.js';

/** Error of what waits in a scope that is closed. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled';

  constructor() {
    super('No longer needed');
  }
}

/** Owns what a piece of work has started: timers, an abort signal, waits and child scopes. Closing it ends all of them. */
export class CancellationScope {
  private readonly controller = new AbortController();
  private readonly closing = new Set<() => void>();

  constructor(
    readonly clock: Clock,
    private readonly detachFromParent: () => void = () => undefined,
  ) {}

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get closed(): boolean {
    return this.controller.signal.aborted;
  }

  child(): CancellationScope {
    const child: CancellationScope = new CancellationScope(this.clock, () => this.closing.delete(close));
    const close = (): void => {
      child.close();
    };
    if (this.closed) child.close();
    else this.closing.add(close);
    return child;
  }

  /** Calls `run` after `ms` milliseconds, unless the scope is closed before. @returns a function that cancels it */
  after(ms: number, run: () => void): () => void {
    if (this.closed) return () => undefined;
    const stop = (): void => {
      cancel();
      this.closing.delete(stop);
    };
    const cancel = this.clock.after(ms, () => {
      this.closing.delete(stop);
      run();
    });
    this.closing.add(stop);
    return stop;
  }

  /**
   * Waits for an answer that may never come.
   * @throws Cancelled when the scope is closed first
   * @throws ProviderError `timeout` when it takes longer than `limitMs`
   */
  wait<T>(answer: Promise<T>, limitMs?: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        stopTimer();
        this.closing.delete(leave);
        act();
      };
      const leave = (): void => {
        settle(() => {
          reject(new Cancelled());
        });
      };
      const late = (): void => {
        settle(() => {
          reject(new ProviderError('timeout', `No answer within ${limitMs ?? 0} ms`));
        });
      };
      const stopTimer = limitMs === undefined ? () => undefined : this.after(limitMs, late);
      answer.then(
        (value) => {
          settle(() => {
            resolve(value);
          });
        },
        (error: unknown) => {
          settle(() => {
            reject(error instanceof Error ? error : new Error(String(error)));
          });
        },
      );
      if (this.closed) leave();
      else this.closing.add(leave);
    });
  }

  close(): void {
    if (this.closed) return;
    this.detachFromParent();
    this.controller.abort(new Cancelled());
    for (const close of [...this.closing]) close();
    this.closing.clear();
  }
}

/** Reads a stream that may stall, with timeouts for the first and for each next piece, until the scope is closed. */
export async function* withReadTimeouts<T>(
  scope: CancellationScope,
  stream: AsyncIterable<T>,
  limits: { firstMs: number; nextMs: number },
): AsyncGenerator<T, void, undefined> {
  const iterator = stream[Symbol.asyncIterator]();
  let limitMs = limits.firstMs;
  let exhausted = false;
  try {
    for (;;) {
      const result = await scope.wait(iterator.next(), limitMs);
      if (result.done) {
        exhausted = true;
        return;
      }
      limitMs = limits.nextMs;
      yield result.value;
    }
  } catch (error) {
    exhausted = !(error instanceof Cancelled || (error instanceof ProviderError && error.fault === 'timeout'));
    throw error;
  } finally {
    // Not awaited, as a stalled stream does not answer this either.
    if (!exhausted) void iterator.return?.().catch(() => undefined);
  }
}
