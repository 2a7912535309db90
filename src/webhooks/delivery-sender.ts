import {
  Batcher,
  type Database,
  isRefusedByDatabase,
  type Log,
  JobRunner,
  TimeoutError,
  withTimeout,
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
/** Length of the response body in the log, in bytes. */
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
  private readonly busy = new Map<string, number>();
  private readonly stopping = new AbortController();
  private readonly runner: JobRunner<RenderedDelivery>;
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
    this.runner = new JobRunner({
      take: (limit) => this.take(limit),
      run: (delivery) => this.carryOut(delivery),
      failed: (error, { id }) => {
        log.error(
          { err: error, deliveryId: id },
          'a webhook could not be delivered; it is retried when its lease ends',
        );
      },
      maxConcurrent: (options.room ?? ROOM).all,
    });
    this.results = new Batcher(
      async (attempts) => {
        await this.jobs.record(attempts);
        return attempts.map(() => undefined);
      },
      { maxBatch: MAX_BATCH, maxInFlight: 2, mayRetryAlone: isRefusedByDatabase },
    );
  }

  /** Starts due deliveries, as many as there are free places. */
  round(): Promise<void> {
    return this.runner.round();
  }

  /** Resolves when no delivery is due or running. */
  idle(): Promise<void> {
    return this.runner.idle();
  }

  /** Lets running attempts end for `stopMs`, then gives them back. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => {
      this.stopping.abort();
    }, this.options.stopMs ?? STOP_MS);
    await this.runner.stop();
    clearTimeout(timer);
  }

  private async take(all: number): Promise<RenderedDelivery[]> {
    const { room = ROOM, leaseMs = LEASE_MS } = this.options;
    const taken = await this.jobs.take(this.busy, { ...room, all }, leaseMs);
    const ready = await renderBodies(this.database, this.jobs, taken).catch((error: unknown) => {
      this.log.error({ err: error }, 'webhook bodies could not be rendered; the deliveries are retried later');
      return [];
    });
    for (const { endpointId } of ready) this.occupy(endpointId, 1);
    return ready;
  }

  private occupy(endpointId: string, places: number): void {
    const count = (this.busy.get(endpointId) ?? 0) + places;
    if (count > 0) this.busy.set(endpointId, count);
    else this.busy.delete(endpointId);
  }

  private async carryOut(delivery: RenderedDelivery): Promise<void> {
    try {
      await this.attempt(delivery);
    } finally {
      this.occupy(delivery.endpointId, -1);
    }
  }

  private async attempt(delivery: RenderedDelivery): Promise<void> {
    const at = new Date();
    const headers = this.headersOf(delivery, at);
    const outcome = await this.ask(delivery, headers);
    if (!outcome) return this.jobs.giveBack(delivery);
    const { id, takes, attempts } = delivery;
    const verdict = verdictOf(outcome, attempts + 1, this.options.retryMs);
    await this.results.submit({
      id,
      takes,
      at: at.toISOString(),
      headers,
      ...outcome,
      verdict: verdict.is,
      retryInMs: verdict.is === 'pending' ? verdict.retryInMs : null,
    });
    if (verdict.is === 'delivered') await this.health.succeeded(delivery);
    else await this.health.failed(delivery, verdict.is === 'failed' && verdict.gone);
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
      const answer = await withTimeout(timeoutMs + GRACE_MS, 'the attempt', this.http.request(asked));
      const isRedirect = answer.status >= 300 && answer.status < 400;
      const error = isRedirect ? 'Redirects are not followed' : null;
      return { status: answer.status, response: storable(answer.body), error, ms: answer.ms };
    } catch (error) {
      if (error instanceof OutboundFailed && error.kind === 'aborted') return undefined;
      if (error instanceof TimeoutError)
        return { status: null, response: null, error: 'The attempt did not end in time', ms: ms() };
      if (error instanceof OutboundFailed || error instanceof OutboundRefused)
        return { status: null, response: null, error: error.message, ms: ms() };
      throw error;
    }
  }
}

/** PostgreSQL keeps no NUL in text. */
const storable = (text: string): string => text.replaceAll('\0', '\ufffd');
