import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/index.js';
import { ApiKeysModule } from '../api-keys/index.js';
import { CarriersModule } from '../carriers/index.js';
import { CallStoreModule } from './call-store.module.js';
import { CallsController } from './calls.controller.js';
import { CallsService } from './calls.service.js';
import { Idempotency } from './idempotency.js';
import { CallsMaintenanceWorker } from './maintenance/calls-maintenance.worker.js';
import { EventIngestController } from './event-ingest/event-ingest.controller.js';
import { EventIngestService } from './event-ingest/event-ingest.service.js';
import { OpenStreams } from './stream/open-streams.js';
import { StreamController } from './stream/stream.controller.js';

@Module({
  imports: [CallStoreModule, AgentsModule, CarriersModule],
  providers: [CallsService, Idempotency],
  exports: [CallsService],
})
export class CallsModule {}

@Module({
  imports: [ApiKeysModule, CallsModule, CallStoreModule],
  controllers: [CallsController, StreamController, EventIngestController],
  providers: [OpenStreams, EventIngestService],
})
export class CallsApiModule {}

@Module({ imports: [CallStoreModule], providers: [Idempotency, CallsMaintenanceWorker] })
export class CallsWorkerModule {}
