import { BullModule } from '@nestjs/bullmq';
import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { CallStoreModule } from '../calls/index.js';
import { type Config } from '../config/config.js';
import { CONFIG } from '../config/inject-config.js';
import { openQueue, type QueueConnection } from '../lib/platform/index.js';
import { SessionsModule } from '../sessions/index.js';
import { TelephonyModule } from '../telephony/index.js';
import { AttemptRecovery } from './attempt-recovery.js';
import { CallDialer } from './call-dialer.js';
import { CallLeases } from './call-leases.js';
import { CallQueue } from './call-queue.js';
import { DIAL_QUEUE } from './dial-job.js';
import { DialProcessor } from './dial.processor.js';
import { DIALING_OPTIONS, type DialingOptions } from './dialing-options.js';
import { DialingWorker } from './dialing.worker.js';
import { Dispatcher } from './dispatcher.js';
import { LeaseTable } from './lease-table.js';
import { LegFollowerFactory } from './leg-follower-factory.js';
import { TakeOver } from './take-over.js';

const QUEUE = Symbol('queue connection');

@Module({})
class QueueModule implements OnApplicationShutdown {
  constructor(@Inject(QUEUE) private readonly queue: QueueConnection) {}

  static forRoot(redisUrl: string | undefined, databaseUrl: string): DynamicModule {
    return {
      module: QueueModule,
      providers: [{ provide: QUEUE, useFactory: () => openQueue(redisUrl, databaseUrl) }],
      exports: [QUEUE],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.queue.close();
  }
}

/** Dials queued calls. Loaded by workers only. */
@Module({})
export class DialingModule {
  static forRoot(redisUrl: string | undefined, databaseUrl: string): DynamicModule {
    const queue = QueueModule.forRoot(redisUrl, databaseUrl);
    return {
      module: DialingModule,
      imports: [
        CallStoreModule,
        SessionsModule,
        TelephonyModule,
        BullModule.forRootAsync({
          imports: [queue],
          useFactory: (connection: QueueConnection) => connection.options,
          inject: [QUEUE],
        }),
        BullModule.registerQueue({ name: DIAL_QUEUE }),
      ],
      providers: [
        { provide: DIALING_OPTIONS, useFactory: dialingOptions, inject: [CONFIG] },
        CallQueue,
        LeaseTable,
        CallLeases,
        LegFollowerFactory,
        AttemptRecovery,
        CallDialer,
        TakeOver,
        Dispatcher,
        DialProcessor,
        DialingWorker,
      ],
    };
  }
}

function dialingOptions(config: Config): DialingOptions {
  return {
    ringTimeoutMs: config.ringTimeoutMs,
    maxDurationMs: config.maxCallDurationMs,
    leaseMs: config.leaseMs,
    hasDefaultCarrier: config.sipCarrier !== undefined,
    limits: {
      callsPerOrganization: config.maxConcurrentCalls,
      callsPerNumber: config.maxConcurrentCallsPerNumber,
      callsPerSecond: config.callsPerSecond,
    },
  };
}
