import { randomBytes } from 'node:crypto';
import { CallCommands } from '../../src/calls/call-commands.js';
import { type CallCommand } from '../../src/calls/call.js';
import { CALLS_PROJECTION } from '../../src/calls/call-append.js';
import { EventStore } from '../../src/lib/event-store/event-store.js';
import { feedLag } from '../../src/lib/event-store/feed.js';
import { Subscription } from '../../src/lib/event-store/subscription.js';
import { createLog } from '../../src/lib/platform/log.js';
import { newId } from '../../src/lib/platform/ids.js';
import { OutboundHttp } from '../../src/lib/platform/http-client/outbound-http.js';
import { SecretBox } from '../../src/lib/platform/secret-box.js';
import { parseNetwork } from '../../src/lib/platform/http-client/network.js';
import { DeliverySender, type DeliverySenderOptions } from '../../src/webhooks/delivery-sender.js';
import { DeliveryJobs } from '../../src/webhooks/delivery-jobs.js';
import { EndpointHealth } from '../../src/webhooks/endpoint-health.js';
import { WebhookSubscription } from '../../src/webhooks/webhook.subscription.js';
import { type Answer, type Json, TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { HttpDouble } from '../support/http-double.js';
import { eventually } from '../support/process.js';

const LOG = createLog('silent');
const OUTCOME = { sipCode: 200, responsible: 'agent', retryable: false, detail: null } as const;

/** What this machine may reach in tests: its receivers. */
export const OUTBOUND = { allowNetworks: [parseNetwork('127.0.0.0/8')!], httpsOnly: false };

/** An API without workers, a receiver, and deliverers one by one. */
export class WebhookHarness {
  readonly calls: CallCommands;
  readonly jobs: DeliveryJobs;
  private readonly http = new OutboundHttp(OUTBOUND);
  private deliverers: DeliverySender[] = [];

  private constructor(
    readonly db: TestDatabase,
    readonly app: TestApp,
    readonly tenant: Tenant,
    readonly receiver: HttpDouble,
    private readonly secrets: SecretBox,
  ) {
    this.calls = new CallCommands(new EventStore(db.database, CALLS_PROJECTION));
    this.jobs = new DeliveryJobs(db.database);
  }

  static async open(): Promise<WebhookHarness> {
    const db = await openTestDatabase();
    const encryptionKey = randomBytes(32);
    const app = await TestApp.start(db.url, { encryptionKey, outbound: OUTBOUND });
    const secrets = new SecretBox({ encryptionKey, databaseUrl: db.url, dataDir: '' });
    return new WebhookHarness(db, app, await app.tenant(), await HttpDouble.start(), secrets);
  }

  async close(): Promise<void> {
    await this.clear();
    this.http.close();
    await this.app.close();
    await this.receiver.close();
    await this.db.close();
  }

  async clear(): Promise<void> {
    await Promise.all(this.deliverers.map((deliverer) => deliverer.stop()));
    this.deliverers = [];
    this.receiver.asked.length = 0;
    this.receiver.answer = (_, response) => response.end();
    await this.db.database.query('delete from webhook_endpoints');
  }

  async ask(method: string, path: string, body?: unknown, key = this.tenant.key): Promise<Answer> {
    return this.app.request(method, `/v1/webhooks${path}`, { key, ...(body === undefined ? {} : { body }) });
  }

  /** A new endpoint, by default the receiver's, with its secret. */
  async add(fields: object = {}, key = this.tenant.key): Promise<Json> {
    const { status, body } = await this.ask('POST', '', { url: `${this.receiver.url}/hook`, ...fields }, key);
    expect([status, body.error]).toEqual([201, undefined]);
    return body.data;
  }

  deliverer(options: Partial<DeliverySenderOptions> = {}): DeliverySender {
    const health = new EndpointHealth(this.db.database, LOG, () => undefined);
    const all = { retryMs: [0, 0, 0, 0, 0], stopMs: 0, ...options };
    const deliverer = new DeliverySender(this.db.database, this.http, this.secrets, health, LOG, all);
    this.deliverers.push(deliverer);
    return deliverer;
  }

  /** A call that is over. Nobody is told before `tell`. */
  async over(tenant = this.tenant, ends: 'completed' | 'failed' = 'completed'): Promise<string> {
    const id = await this.app.createCall(tenant, { customerName: 'John', metadata: { order: 7 } });
    const at = (second: number) => new Date(Date.now() + second * 1000).toISOString();
    const commands: CallCommand[] = [
      { type: 'DialCall', at: at(0), provider: 'test', claim: newId() },
      ...(ends === 'failed' ? [] : [{ type: 'ReportAnswer', at: at(1) } as const]),
      {
        ...{ type: 'EndCall', at: at(61), outcome: OUTCOME },
        disconnectionReason: ends === 'failed' ? 'dial_busy' : 'agent_hangup',
      },
    ];
    for (const command of commands) await this.calls.execute(id, command, {});
    return id;
  }

  /** Has the feed read to its end, which transactions of other tests on the server may hold back for a while. */
  async tell(analysisWaitMs = 0): Promise<void> {
    const reader = new WebhookSubscription(this.jobs, { analysisWaitMs, wake: () => undefined });
    const subscription = new Subscription(this.db.database, LOG, reader);
    await eventually('the feed read', async () => {
      while ((await subscription.handleNext()) > 0);
      const lag = (await feedLag(this.db.database)).find((each) => each.subscription === reader.name);
      return lag?.events === 0 ? true : undefined;
    });
  }

  /** Lets a deliverer work until nothing is due. */
  async settled(deliverer = this.deliverer()): Promise<void> {
    await eventually('nothing due', async () => {
      await deliverer.round();
      await deliverer.idle();
      const due = await this.db.database.query(
        `select from webhook_deliveries d join webhook_endpoints e on e.id = d.endpoint_id
         where e.is_active and d.status = 'pending' and d.due_at <= clock_timestamp()`,
      );
      return due.length === 0 ? true : undefined;
    });
  }

  /** Deliveries of an endpoint as the API lists them, the oldest first. */
  async deliveries(webhookId: string, query = ''): Promise<Json[]> {
    const { body } = await this.ask('GET', `/${webhookId}/deliveries?limit=100${query}`);
    return body.data.toReversed();
  }

  async delivery(webhookId: string, id: string): Promise<Json> {
    return (await this.ask('GET', `/${webhookId}/deliveries/${id}`)).body.data;
  }

  /** As time does: what is due later is due now, and leases are over. */
  async passTime(): Promise<void> {
    await this.db.database.query(`update webhook_deliveries set due_at = clock_timestamp() where status = 'pending'`);
  }

  /** What the receiver was sent. */
  received(): Json[] {
    return this.receiver.asked.map(({ body }) => JSON.parse(body.toString()));
  }
}
