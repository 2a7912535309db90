import { Inject, Injectable } from '@nestjs/common';
import { DEFAULT_CARRIER_ID, SIMULATOR_CARRIER } from '../carriers/index.js';
import { Log, singleFlight } from '../lib/platform/index.js';
import { type Environment } from '../calls/index.js';
import { TelephonyProviders } from '../telephony/index.js';
import { CallDialer } from './call-dialer.js';
import { CallLeases } from './call-leases.js';
import { CallQueue, type WaitingCarrier } from './call-queue.js';
import { DIALING_OPTIONS, type DialingOptions, NO_LIMITS } from './dialing-options.js';

const MAX_CALLS = 200;

/**
 * Admits waiting calls and has them dialled. Every step survives a crash: a lease holds the call, an event claims the
 * attempt before the provider is asked, and another worker takes over the calls of a dead one.
 */
@Injectable()
export class Dispatcher {
  private readonly admitOnce = singleFlight(() => this.admitAll());
  private retryTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly queue: CallQueue,
    private readonly leases: CallLeases,
    private readonly dialer: CallDialer,
    @Inject(TelephonyProviders) private readonly providers: Pick<TelephonyProviders, 'close'>,
    private readonly log: Log,
    @Inject(DIALING_OPTIONS) private readonly options: Pick<DialingOptions, 'limits' | 'leaseMs' | 'hasDefaultCarrier'>,
  ) {}

  /** Admits the waiting calls that may be dialled now. Resolves when they are admitted. */
  admit(): Promise<void> {
    return this.admitOnce();
  }

  /** Admits no more calls and detaches from the running ones, for other workers to take over. */
  async stop(): Promise<void> {
    this.leases.stop();
    clearTimeout(this.retryTimer);
    await this.admit();
    await this.leases.detachAll();
    await this.providers.close();
    await this.leases.expireAll();
  }

  private async admitAll(): Promise<void> {
    for (const carrier of await this.waitingCarriers()) await this.admitFrom('live', carrier);
    await this.admitFrom('test', { id: SIMULATOR_CARRIER.id, limits: {} });
  }

  /** Without a carrier of the settings, calls of numbers without one are not held back: they end at once. */
  private async waitingCarriers(): Promise<WaitingCarrier[]> {
    const carriers = await this.queue.waitingCarriers();
    if (this.options.hasDefaultCarrier) return carriers;
    return carriers.map((carrier) => (carrier.id === DEFAULT_CARRIER_ID ? { ...carrier, limits: NO_LIMITS } : carrier));
  }

  private async admitFrom(environment: Environment, carrier: WaitingCarrier): Promise<void> {
    const limits = { ...this.options.limits, ...carrier.limits };
    const isPaced = limits.callsPerSecond > 0;
    for (let isFull = true; isFull && !this.leases.isStopping;) {
      const { callIds, retryInMs } = await this.queue.admit({
        owner: this.leases.owner,
        environment,
        carrier: carrier.id,
        leaseMs: this.options.leaseMs,
        limits,
        maxCalls: MAX_CALLS,
      });
      for (const callId of callIds) this.leases.hold(callId, { isPaced }, (lease) => this.dialer.dial(callId, lease));
      if (retryInMs !== undefined) this.admitLater(retryInMs);
      isFull = callIds.length === MAX_CALLS;
    }
  }

  private admitLater(ms: number): void {
    clearTimeout(this.retryTimer);
    if (this.leases.isStopping) return;
    this.retryTimer = setTimeout(() => {
      this.admit().catch((error: unknown) => {
        this.log.error({ err: error }, 'queued calls could not be admitted; the next round tries again');
      });
    }, ms);
  }
}
