import { type StageName, type Emit } from '../conversation-events.js';
import { ProviderError } from '../providers/ports.js';
import { messageOf } from '../../lib/platform/index.js';
import { type CancellationScope } from '../cancellation-scope.js';

/** All providers of a stage have failed. */
export class StageFailed extends Error {
  override readonly name = 'StageFailed';

  constructor(
    readonly stage: StageName,
    message: string,
  ) {
    super(message);
  }
}

export interface ProviderPair<P> {
  primary: P;
  fallback?: P | undefined;
}

/** A provider that asks to wait longer is not asked again, milliseconds. */
const MAX_WAIT_MS = 2_000;
const DEFAULT_WAIT_MS = 500;

/**
 * The providers of one stage. A request is retried once where that may help, then it goes to the fallback. The provider
 * that answered last gets the next request first, so that a provider that is down costs its time only once.
 */
export class ProviderChain<P extends { readonly name: string }> {
  private readonly providers: readonly P[];
  private preferred: P;

  constructor(
    readonly name: StageName,
    { primary, fallback }: ProviderPair<P>,
    private readonly emit: Emit,
  ) {
    this.providers = fallback ? [primary, fallback] : [primary];
    this.preferred = primary;
  }

  /** The provider that gets the next request. */
  get current(): P {
    return this.preferred;
  }

  /**
   * Calls `attempt` until it succeeds, each time with its own scope.
   * @throws StageFailed when all attempts have failed
   * @throws Cancelled when the scope is closed
   */
  async run<T>(scope: CancellationScope, attempt: (provider: P, scope: CancellationScope) => Promise<T>): Promise<T> {
    const plan = [this.preferred, ...this.providers.filter((provider) => provider !== this.preferred)];
    let provider = this.preferred;
    let retried = false;
    for (;;) {
      const own = scope.child();
      try {
        const result = await attempt(provider, own);
        this.preferred = provider;
        return result;
      } catch (error) {
        if (scope.closed) throw error;
        const waitMs: number | undefined = retried ? undefined : waitBeforeRetry(error);
        retried ||= waitMs !== undefined;
        const next = waitMs === undefined ? plan[plan.indexOf(provider) + 1] : provider;
        this.report(provider, error, next);
        if (!next) throw new StageFailed(this.name, `${this.name}: ${messageOf(error)} (${provider.name})`);
        if (waitMs) await pause(scope, waitMs);
        provider = next;
      } finally {
        own.close();
      }
    }
  }

  private report(provider: P, error: unknown, next: P | undefined): void {
    this.emit({
      type: 'fault',
      fault: {
        stage: this.name,
        provider: provider.name,
        fault: error instanceof ProviderError ? error.fault : 'unavailable',
        message: messageOf(error),
        then: next ? { action: next === provider ? 'retry' : 'fallback', provider: next.name } : { action: 'give_up' },
      },
    });
  }
}

/** Milliseconds; undefined: a retry does not help, or comes too late. */
function waitBeforeRetry(error: unknown): number | undefined {
  if (!(error instanceof ProviderError)) return 0;
  if (error.fault === 'denied' || error.fault === 'refused') return undefined;
  const waitMs = error.retryAfterMs ?? (error.fault === 'rate_limited' ? DEFAULT_WAIT_MS : 0);
  return waitMs <= MAX_WAIT_MS ? waitMs : undefined;
}

function pause(scope: CancellationScope, ms: number): Promise<void> {
  return scope.wait(
    new Promise<void>((resolve) => {
      scope.after(ms, resolve);
    }),
  );
}
