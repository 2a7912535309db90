export { WebhookEntity } from './webhook.entity.js';
export { WebhooksApiModule, WebhooksWorkerModule } from './webhooks.module.js';
