import { type Clock } from './clock.js';
import { ProviderError } from './providers/ports.js';

/** What waits in a scope that is closed fails with this: nobody needs the answer any more. */
export class Cancelled extends Error {
  constructor() {
    super('No longer needed');
  }
}

/**
 * Owns what a piece of work has started: its timers, its abort signal, whatever it waits for, and smaller scopes. Closing
 * it leaves nothing behind.
 */
export class CancellationScope {
  private readonly controller = new AbortController();
  private readonly closing = new Set<() => void>();

  constructor(
    readonly clock: Clock,
    private readonly leaveParent: () => void = () => undefined,
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

  /** Calls `run` after `ms` milliseconds, unless the scope is closed before. Returns how to call it off. */
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
   * Waits for an answer, also of somebody who never gives one.
   * @throws Closed when the scope is closed first
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
    this.leaveParent();
    this.controller.abort(new Cancelled());
    for (const close of [...this.closing]) close();
    this.closing.clear();
  }
}

/** Reads a stream that may stall: each wait for its first and its next piece is limited. Does not outlive the scope. */
export async function* paced<T>(
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
    // Not awaited: who stalls does not answer this either. How it ends is of no interest any more.
    if (!exhausted) void iterator.return?.().catch(() => undefined);
  }
}
