import { OutboundRefused } from '../../lib/platform/index.js';
import { ProviderError } from './ports.js';
import { isRecord } from './json.js';

/**
 * The lifetime of one request to a provider: the caller's signal or a timeout, whichever comes first, closes the socket at
 * once.
 */
export class ProviderRequest {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private readonly giveUp = (): void => {
    this.controller.abort(this.given.reason);
  };

  /** @param name for messages. @throws the reason of `given` when it is aborted already */
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

  /** Starts the timeout of the next answer, milliseconds. */
  expect(ms: number): void {
    this.rest();
    this.timer = setTimeout(() => {
      this.controller.abort(new ProviderError('timeout', `${this.name} kept us waiting for more than ${ms} ms`));
    }, ms);
  }

  /** Stops the timeout: no answer is due. */
  rest(): void {
    clearTimeout(this.timer);
  }

  /** Detaches the caller's signal: the answer is complete. */
  detach(): void {
    this.given.removeEventListener('abort', this.giveUp);
  }

  /** Releases timers and listeners. A socket with an unread answer is closed. */
  end(): void {
    this.rest();
    this.detach();
    this.controller.abort();
  }

  /** The error for the caller: the reason of its own signal, or a `ProviderError` without the provider's words. */
  failure(error: unknown): unknown {
    if (this.given.aborted) return this.given.reason;
    if (error instanceof ProviderError) return error;
    const reason: unknown = this.controller.signal.reason;
    if (reason instanceof ProviderError) return reason;
    if (error instanceof OutboundRefused) return new ProviderError('refused', `${this.name}: ${error.message}`);
    return new ProviderError('unavailable', `${this.name} could not be reached or broke off${codeOf(error)}`);
  }
}

/** The operating system's code, such as ` (ECONNREFUSED)`; other texts of an error may hold secrets. */
function codeOf(error: unknown): string {
  for (let at = error, depth = 0; isRecord(at) && depth < 5; at = at['cause'], depth++) {
    const { code } = at;
    if (typeof code === 'string' && /^[A-Z_]{3,40}$/.test(code)) return ` (${code})`;
  }
  return '';
}
