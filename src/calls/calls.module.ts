import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/index.js';
import { EventStore } from '../event-store/index.js';
import { Database } from '../platform/index.js';
import { TelephonyModule } from '../telephony/index.js';
import { CallsController } from './calls.controller.js';
import { CALLS_PROJECTION } from './calls.projection.js';
import { CallsService } from './calls.service.js';
import { CallsUpkeepWorker } from './calls-upkeep.worker.js';

@Module({
  imports: [AgentsModule, TelephonyModule],
  providers: [
    CallsService,
    {
      provide: EventStore,
      useFactory: (database: Database) => new EventStore(database, CALLS_PROJECTION),
      inject: [Database],
    },
  ],
  exports: [CallsService],
})
export class CallsModule {}

@Module({ imports: [CallsModule], controllers: [CallsController] })
export class CallsApiModule {}

@Module({ providers: [CallsUpkeepWorker] })
export class CallsWorkerModule {}
