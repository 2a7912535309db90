import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { type Config } from '../config/config.js';
import { Subscription } from '../lib/event-store/index.js';
import { Database, Log, OutboundHttp, PeriodicTask, SecretBox, Notifications } from '../lib/platform/index.js';
import { InjectConfig } from '../config/inject-config.js';
import { DeliverySender } from './delivery-sender.js';
import { DeliveryJobs } from './delivery-jobs.js';
import { EndpointHealth } from './endpoint-health.js';
import { purgeDeliveries } from './purge-deliveries.js';
import { WebhookSubscription } from './webhook.subscription.js';

/** Tells others what happened: by wake-up where there is one, and by the clock where one got lost. */
@Injectable()
export class WebhooksWorker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly deliverer: DeliverySender;
  private readonly subscription: Subscription;
  private readonly tasks: PeriodicTask[];
  private readonly unsubscribe: (() => void)[] = [];

  constructor(
    database: Database,
    secrets: SecretBox,
    http: OutboundHttp,
    private readonly wakeups: Notifications,
    private readonly log: Log,
    @InjectConfig() { webhooks, providers }: Config,
  ) {
    const wake = () => {
      wakeups.wake('webhook_deliveries');
    };
    const jobs = new DeliveryJobs(database);
    const health = new EndpointHealth(database, log, wake);
    this.deliverer = new DeliverySender(database, http, secrets, health, log, { retryMs: webhooks.retryMs });
    const analysisWaitMs = providers.model ? webhooks.analysisWaitMs : 0;
    this.subscription = new Subscription(database, log, new WebhookSubscription(jobs, { analysisWaitMs, wake }));
    const release = async () => {
      if ((await jobs.release()) > 0) wake();
    };
    this.tasks = [
      new PeriodicTask('deliver webhooks', 500, () => this.deliverer.round(), log),
      new PeriodicTask('release webhooks', 1_000, release, log),
      new PeriodicTask('purge webhooks', 60_000, () => purgeDeliveries(database, webhooks.retentionDays), log),
    ];
  }

  onApplicationBootstrap(): void {
    this.subscription.start();
    for (const task of this.tasks) task.start();
    this.unsubscribe.push(
      this.wakeups.on('call_events', () => {
        this.subscription.wake();
      }),
      this.wakeups.on('webhook_deliveries', () => {
        this.deliverer.round().catch((error: unknown) => {
          this.log.error({ err: error }, 'webhooks could not be taken; it is tried again soon');
        });
      }),
    );
  }

  async onModuleDestroy(): Promise<void> {
    for (const stop of this.unsubscribe) stop();
    await Promise.all([this.subscription.stop(), ...this.tasks.map((task) => task.stop())]);
    await this.deliverer.stop();
  }
}
