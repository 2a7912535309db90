import {
  Batcher,
  type Database,
  isRefusedByDatabase,
  type Log,
  singleFlight,
  OutboundFailed,
  type OutboundHttp,
  OutboundRefused,
  type SecretBox,
} from '../lib/platform/index.js';
import { type Attempt, DeliveryJobs, type ConcurrencyLimits } from './delivery-jobs.js';
import { type EndpointHealth } from './endpoint-health.js';
import { renderBodies, type RenderedDelivery } from './render-bodies.js';
import { verdictOf } from './retry-schedule.js';
import { signedHeaders } from './signature.js';

export interface DeliverySenderOptions {
  /** Waits before the attempts after the first, milliseconds. */
  retryMs: readonly number[];
  timeoutMs?: number;
  /** How long a delivery stays ours; more than an attempt takes. */
  leaseMs?: number;
  room?: ConcurrencyLimits;
  /** How long a stop waits for the attempts under way. */
  stopMs?: number;
}

/** As the contract says. */
const TIMEOUT_MS = 10_000;
const LEASE_MS = 15_000;
const STOP_MS = 5_000;
/** An attempt that has not ended so long after its time has is not waited for: a place must not be lost for ever. */
const GRACE_MS = 2_000;
const ROOM: ConcurrencyLimits = { all: 500, perEndpoint: 4, perFailing: 1, failingMs: 60_000 };
/** What is kept of an answer. */
const KEPT_BYTES = 4_096;
const MAX_BATCH = 100;
const USER_AGENT = 'Outdial-Webhooks/1';

type Outcome = Pick<Attempt, 'status' | 'response' | 'error' | 'ms'>;

/**
 * Makes deliveries, each at least once whatever dies. What an endpoint costs is its own: it has a few places, and those
 * of others are never taken by it.
 */
export class DeliverySender {
  private readonly jobs: DeliveryJobs;
  private readonly inHand = new Map<string, number>();
  private readonly underWay = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private isStopped = false;
  private readonly takeOnce = singleFlight(() => this.take());
  private readonly results: Batcher<Attempt, undefined>;

  constructor(
    private readonly database: Database,
    private readonly http: Pick<OutboundHttp, 'request'>,
    private readonly secrets: Pick<SecretBox, 'open'>,
    private readonly health: EndpointHealth,
    private readonly log: Log,
    private readonly options: DeliverySenderOptions,
  ) {
    this.jobs = new DeliveryJobs(database);
    this.results = new Batcher(
      async (attempts) => {
        await this.jobs.record(attempts);
        return attempts.map(() => undefined);
      },
      { maxBatch: MAX_BATCH, maxInFlight: 2, mayRetryAlone: isRefusedByDatabase },
    );
  }

  /** Begins with what is due, as much as there is room for. */
  round(): Promise<void> {
    return this.takeOnce();
  }

  /** Resolves when nothing is due or under way. */
  async idle(): Promise<void> {
    do {
      await Promise.all(this.underWay);
      await this.takeOnce();
    } while (this.underWay.size > 0);
  }

  /** Lets attempts under way end, within limits, and gives the others back. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.takeOnce().catch(() => undefined); // told to whoever began it
    const timer = setTimeout(() => {
      this.stopping.abort();
    }, this.options.stopMs ?? STOP_MS);
    await this.idle();
    clearTimeout(timer);
  }

  private async take(): Promise<void> {
    const { room = ROOM, leaseMs = LEASE_MS } = this.options;
    const all = room.all - this.underWay.size;
    if (this.isStopped || all <= 0) return;
    const taken = await this.jobs.take(this.inHand, { ...room, all }, leaseMs);
    for (const { endpointId } of taken) this.occupy(endpointId, 1);
    const ready = await renderBodies(this.database, this.jobs, taken).catch((error: unknown) => {
      this.log.error({ err: error }, 'webhooks could not be prepared; they are tried again later');
      return [];
    });
    const begun = new Set(ready.map(({ id }) => id));
    for (const { id, endpointId } of taken) if (!begun.has(id)) this.occupy(endpointId, -1);
    for (const delivery of ready) this.begin(delivery);
  }

  private begin(delivery: RenderedDelivery): void {
    const work = this.carryOut(delivery).finally(() => {
      this.underWay.delete(work);
      this.occupy(delivery.endpointId, -1);
      // The next one does not wait for the clock.
      if (!this.isStopped) void this.takeOnce().catch(() => undefined);
    });
    this.underWay.add(work);
  }

  private occupy(endpointId: string, places: number): void {
    const busy = (this.inHand.get(endpointId) ?? 0) + places;
    if (busy > 0) this.inHand.set(endpointId, busy);
    else this.inHand.delete(endpointId);
  }

  /** Never rejects: what fails here is due again when its lease is over. */
  private async carryOut(delivery: RenderedDelivery): Promise<void> {
    try {
      const at = new Date();
      const headers = this.headersOf(delivery, at);
      const outcome = await this.ask(delivery, headers);
      if (!outcome) {
        await this.jobs.giveBack(delivery);
        return;
      }
      const verdict = verdictOf(outcome, delivery.attempts + 1, this.options.retryMs);
      await this.results.submit({
        ...{ id: delivery.id, takes: delivery.takes, at: at.toISOString(), headers, ...outcome, verdict: verdict.is },
        retryInMs: verdict.is === 'pending' ? verdict.retryInMs : null,
      });
      if (verdict.is === 'delivered') await this.health.succeeded(delivery);
      else await this.health.failed(delivery, verdict.is === 'failed' && verdict.gone);
    } catch (error) {
      this.log.error({ err: error, deliveryId: delivery.id }, 'a webhook could not be delivered; it is tried again');
    }
  }

  private headersOf(delivery: RenderedDelivery, at: Date): Record<string, string> {
    const { id, event, body, endpointId, sealedSecret, sealedOldSecret, oldSecretUntil } = delivery;
    const isOldGood = sealedOldSecret !== null && oldSecretUntil !== null && oldSecretUntil > at;
    const old = isOldGood ? [this.secrets.open(sealedOldSecret, endpointId)] : [];
    const secrets = [this.secrets.open(sealedSecret, endpointId), ...old] as const;
    const timestamp = Math.floor(at.getTime() / 1000);
    return {
      'Content-Type': 'application/json',
      'User-Agent': USER_AGENT,
      ...signedHeaders({ id, event, body, timestamp, secrets }),
    };
  }

  /** Undefined when it was given up because the process ends. */
  private async ask({ url, body }: RenderedDelivery, headers: Record<string, string>): Promise<Outcome | undefined> {
    const begun = performance.now();
    const ms = () => performance.now() - begun;
    const { timeoutMs = TIMEOUT_MS } = this.options;
    const { signal } = this.stopping;
    try {
      const asked = { method: 'POST', url, headers, body, timeoutMs, maxBytes: KEPT_BYTES, signal } as const;
      const answer = await within(timeoutMs + GRACE_MS, this.http.request(asked));
      const isRedirect = answer.status >= 300 && answer.status < 400;
      const error = isRedirect ? 'Redirects are not followed' : null;
      return { status: answer.status, response: storable(answer.body), error, ms: answer.ms };
    } catch (error) {
      if (error instanceof OutboundFailed && error.kind === 'aborted') return undefined;
      if (error instanceof OutboundFailed || error instanceof OutboundRefused)
        return { status: null, response: null, error: error.message, ms: ms() };
      throw error;
    }
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new OutboundFailed('timeout', 'The attempt did not end in time'));
    }, ms);
  });
  return Promise.race([work, late]).finally(() => {
    clearTimeout(timer);
  });
}

/** PostgreSQL keeps no NUL in text. */
const storable = (text: string): string => text.replaceAll('\0', '\ufffd');
