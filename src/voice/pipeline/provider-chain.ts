import { type StageName, type Emit } from '../conversation-events.js';
import { ProviderError } from '../providers/ports.js';
import { messageOf } from '../../lib/platform/index.js';
import { type CancellationScope } from '../cancellation-scope.js';

/** Whoever can do it could not. */
export class StageFailed extends Error {
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

/** Nobody on a call waits longer than this for a busy provider; then the other one is asked. */
const LONGEST_WAIT_MS = 2_000;
const USUAL_WAIT_MS = 500;

/**
 * One stage and those who can do it: asks once more, once a request, where that may help; then the other one. Who answered last is asked
 * first from then on, so that a provider that is down costs its time only once.
 */
export class ProviderChain<P extends { readonly name: string }> {
  private readonly providers: readonly P[];
  private first: P;

  constructor(
    readonly name: StageName,
    { primary, fallback }: ProviderPair<P>,
    private readonly tell: Emit,
  ) {
    this.providers = fallback ? [primary, fallback] : [primary];
    this.first = primary;
  }

  /** Who is asked next. */
  get current(): P {
    return this.first;
  }

  /**
   * `attempt` is called again when it fails; each time with a scope of its own.
   * @throws StageFailed when all of them failed
   * @throws Closed when the scope is closed
   */
  async run<T>(scope: CancellationScope, attempt: (provider: P, scope: CancellationScope) => Promise<T>): Promise<T> {
    const plan = [this.first, ...this.providers.filter((provider) => provider !== this.first)];
    let provider = this.first;
    let retried = false;
    for (;;) {
      const own = scope.child();
      try {
        const result = await attempt(provider, own);
        this.first = provider;
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
    this.tell({
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

/** undefined: asking the same again is no use, or not in time. */
function waitBeforeRetry(error: unknown): number | undefined {
  if (!(error instanceof ProviderError)) return 0;
  if (error.fault === 'denied' || error.fault === 'refused') return undefined;
  const waitMs = error.retryAfterMs ?? (error.fault === 'rate_limited' ? USUAL_WAIT_MS : 0);
  return waitMs <= LONGEST_WAIT_MS ? waitMs : undefined;
}

function pause(scope: CancellationScope, ms: number): Promise<void> {
  return scope.wait(
    new Promise<void>((resolve) => {
      scope.after(ms, resolve);
    }),
  );
}
