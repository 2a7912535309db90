import { join } from 'node:path';
import { BullModule } from '@nestjs/bullmq';
import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { type Config } from '../../config.js';
import { CONFIG, Database, Log, openQueue, type QueueConnection, Wakeups } from '../../platform/index.js';
import { SimulatorProvider } from '../../telephony/index.js';
import { CallExecutor } from '../call-executor.js';
import { CallStoreModule } from '../call-store.module.js';
import { DIAL_QUEUE } from './dial-job.js';
import { DialProcessor } from './dial.processor.js';
import { DispatchWorker } from './dispatch.worker.js';
import { Dispatcher } from './dispatcher.js';

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

/** What dials: the queue, the dispatcher and its providers. Loaded by workers only. */
@Module({})
export class DispatchModule {
  static forRoot(redisUrl: string | undefined, databaseUrl: string): DynamicModule {
    const queue = QueueModule.forRoot(redisUrl, databaseUrl);
    return {
      module: DispatchModule,
      imports: [
        CallStoreModule,
        BullModule.forRootAsync({
          imports: [queue],
          useFactory: (connection: QueueConnection) => connection.options,
          inject: [QUEUE],
        }),
        BullModule.registerQueue({ name: DIAL_QUEUE }),
      ],
      providers: [
        {
          provide: Dispatcher,
          useFactory: createDispatcher,
          inject: [Database, CallExecutor, Wakeups, Log, CONFIG],
        },
        DialProcessor,
        DispatchWorker,
      ],
    };
  }
}

function createDispatcher(database: Database, calls: CallExecutor, wakeups: Wakeups, log: Log, config: Config) {
  const provider = new SimulatorProvider({
    ledgerFolder: join(config.dataDir, 'simulator'),
    speed: config.simulatorSpeed,
  });
  return new Dispatcher(database, calls, { test: provider }, wakeups, log, {
    ringTimeoutMs: config.ringTimeoutMs,
    maxDurationMs: config.maxCallDurationMs,
    leaseMs: config.leaseMs,
    limits: {
      callsPerOrganization: config.maxConcurrentCalls,
      callsPerNumber: config.maxConcurrentCallsPerNumber,
      callsPerSecond: config.callsPerSecond,
    },
  });
}
