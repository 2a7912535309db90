import { OutboundRefused } from '../../lib/platform/index.js';
import { ProviderError } from './ports.js';
import { isRecord } from './json.js';

/**
 * One request to a provider from beginning to end: joins the caller's signal with a clock. Whichever comes first closes
 * the socket at once, wherever the request stands.
 */
export class ProviderRequest {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private readonly giveUp = (): void => {
    this.controller.abort(this.given.reason);
  };

  /** @param name for messages. @throws the reason of `given` when it is given up already */
  constructor(
    readonly name: string,
    private readonly given: AbortSignal,
  ) {
    given.throwIfAborted();
    given.addEventListener('abort', this.giveUp, { once: true });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** From now on the provider has so many milliseconds. */
  expect(ms: number): void {
    this.rest();
    this.timer = setTimeout(() => {
      this.controller.abort(new ProviderError('timeout', `${this.name} kept us waiting for more than ${ms} ms`));
    }, ms);
  }

  /** The provider owes nothing: its clock stands still. */
  rest(): void {
    clearTimeout(this.timer);
  }

  /** The caller has all it wants: giving up has no meaning any more. */
  detach(): void {
    this.given.removeEventListener('abort', this.giveUp);
  }

  /** Lets go of everything. A socket whose answer has not been read to its end is closed. */
  end(): void {
    this.rest();
    this.detach();
    this.controller.abort();
  }

  /** What the caller is told: the reason of its own signal, or a `ProviderError` without the provider's words. */
  failure(error: unknown): unknown {
    if (this.given.aborted) return this.given.reason;
    if (error instanceof ProviderError) return error;
    const reason: unknown = this.controller.signal.reason;
    if (reason instanceof ProviderError) return reason;
    if (error instanceof OutboundRefused) return new ProviderError('refused', `${this.name}: ${error.message}`);
    return new ProviderError('unavailable', `${this.name} could not be reached or broke off${codeOf(error)}`);
  }
}

/** The code of the operating system, such as ` (ECONNREFUSED)`; nothing else of an error is ours to repeat. */
function codeOf(error: unknown): string {
  for (let at = error, depth = 0; isRecord(at) && depth < 5; at = at['cause'], depth++) {
    const { code } = at;
    if (typeof code === 'string' && /^[A-Z_]{3,40}$/.test(code)) return ` (${code})`;
  }
  return '';
}
