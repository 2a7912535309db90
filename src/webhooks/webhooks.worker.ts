import { Injectable } from '@nestjs/common';
import { type Config } from '../config/config.js';
import { Subscription } from '../lib/event-store/index.js';
import {
  BackgroundService,
  Database,
  Log,
  OutboundHttp,
  PeriodicTask,
  SecretBox,
  Notifications,
} from '../lib/platform/index.js';
import { InjectConfig } from '../config/inject-config.js';
import { DeliverySender } from './delivery-sender.js';
import { DeliveryJobs } from './delivery-jobs.js';
import { EndpointHealth } from './endpoint-health.js';
import { purgeDeliveries } from './purge-deliveries.js';
import { WebhookSubscription } from './webhook.subscription.js';

/** Delivers webhooks: notifications wake it, and polling finds what a lost notification left. */
@Injectable()
export class WebhooksWorker extends BackgroundService {
  constructor(
    database: Database,
    secrets: SecretBox,
    http: OutboundHttp,
    notifications: Notifications,
    log: Log,
    @InjectConfig() { webhooks, providers }: Config,
  ) {
    const wake = () => {
      notifications.wake('webhook_deliveries');
    };
    const jobs = new DeliveryJobs(database);
    const health = new EndpointHealth(database, log, wake);
    const sender = new DeliverySender(database, http, secrets, health, log, { retryMs: webhooks.retryMs });
    const analysisWaitMs = providers.model ? webhooks.analysisWaitMs : 0;
    const subscription = new Subscription(database, log, new WebhookSubscription(jobs, { analysisWaitMs, wake }));
    const release = async () => {
      if ((await jobs.release()) > 0) wake();
    };
    super({
      loops: [
        subscription,
        new PeriodicTask('deliver webhooks', 500, () => sender.round(), log),
        new PeriodicTask('release webhooks', 1_000, release, log),
        new PeriodicTask('purge webhooks', 60_000, () => purgeDeliveries(database, webhooks.retentionDays), log),
      ],
      listen: () => [
        notifications.on('call_events', () => {
          subscription.wake();
        }),
        notifications.on('webhook_deliveries', () => {
          sender.round().catch((error: unknown) => {
            log.error({ err: error }, 'due webhooks could not be taken; the next round tries again');
          });
        }),
      ],
      close: () => sender.stop(),
    });
  }
}
