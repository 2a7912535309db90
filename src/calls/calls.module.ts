import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/index.js';
import { ApiKeysModule } from '../api-keys/index.js';
import { TelephonyModule } from '../telephony/index.js';
import { AnalysisWorker } from '../analysis/index.js';
import { CallStoreModule } from './call-store.module.js';
import { CallsController } from './calls.controller.js';
import { CallsService } from './calls.service.js';
import { CallsMaintenanceWorker } from './maintenance/calls-maintenance.worker.js';
import { EventIngestController } from './event-ingest/call-intake.controller.js';
import { EventIngestService } from './event-ingest/call-intake.service.js';
import { RecordingsController } from '../recordings/index.js';
import { OpenStreams } from './stream/open-streams.js';
import { StreamController } from './stream/stream.controller.js';

@Module({
  imports: [CallStoreModule, AgentsModule, TelephonyModule],
  providers: [CallsService],
  exports: [CallsService],
})
export class CallsModule {}

@Module({
  imports: [ApiKeysModule, CallsModule, CallStoreModule],
  controllers: [CallsController, RecordingsController, StreamController, EventIngestController],
  providers: [OpenStreams, EventIngestService],
})
export class CallsApiModule {}

@Module({ imports: [AgentsModule, CallStoreModule], providers: [CallsMaintenanceWorker, AnalysisWorker] })
export class CallsWorkerModule {}
