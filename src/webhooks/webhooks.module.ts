import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DeliveriesController } from './deliveries.controller.js';
import { DeliveryLog } from './delivery-log.js';
import { WebhookEntity } from './webhook.entity.js';
import { WebhooksController } from './webhooks.controller.js';
import { WebhooksService } from './webhooks.service.js';
import { WebhooksWorker } from './webhooks.worker.js';

@Module({
  imports: [TypeOrmModule.forFeature([WebhookEntity])],
  providers: [WebhooksService, DeliveryLog],
  controllers: [WebhooksController, DeliveriesController],
})
export class WebhooksApiModule {}

@Module({ providers: [WebhooksWorker] })
export class WebhooksWorkerModule {}
