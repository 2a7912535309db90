import { join } from 'node:path';
import { BullModule } from '@nestjs/bullmq';
import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { AgentsModule, AgentsService } from '../agents/index.js';
import { KnowledgeSearch } from '../knowledge/index.js';
import { ProviderAccountsService } from '../provider-accounts/index.js';
import { type Config } from '../config/config.js';
import {
  Database,
  Log,
  openQueue,
  OutboundHttp,
  type QueueConnection,
  SecretBox,
  Notifications,
} from '../lib/platform/index.js';
import { CONFIG } from '../config/inject-config.js';
import { CarriersForCalls, CarriersModule } from '../carriers/index.js';
import { ComplianceModule, DiallingPolicyService } from '../compliance/index.js';
import { SimulatorProvider, SipTrunkProvider } from '../telephony/index.js';
import { decodeTones, encodeTones } from '../voice/index.js';
import { CallCommands, CallStoreModule } from '../calls/index.js';
import { SessionMaintenanceWorker, createSessionSupport, type SessionSupport } from '../sessions/index.js';
import { FinishRecordings, Recordings, RecordingsModule } from '../recordings/index.js';
import { DIAL_QUEUE } from './dial-job.js';
import { DialProcessor } from './dial.processor.js';
import { DialingWorker } from './dialing.worker.js';
import { Dispatcher } from './dispatcher.js';

const QUEUE = Symbol('queue connection');
const TALK_SUPPORT = Symbol('what spoken calls need');

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
export class DialingModule {
  static forRoot(redisUrl: string | undefined, databaseUrl: string): DynamicModule {
    const queue = QueueModule.forRoot(redisUrl, databaseUrl);
    return {
      module: DialingModule,
      imports: [
        CallStoreModule,
        RecordingsModule,
        AgentsModule,
        CarriersModule,
        ComplianceModule,
        BullModule.forRootAsync({
          imports: [queue],
          useFactory: (connection: QueueConnection) => connection.options,
          inject: [QUEUE],
        }),
        BullModule.registerQueue({ name: DIAL_QUEUE }),
      ],
      providers: [
        {
          provide: SimulatorProvider,
          useFactory: (config: Config) =>
            new SimulatorProvider({
              ledgerFolder: join(config.dataDir, 'simulator'),
              speed: config.simulatorSpeed,
              voice: { say: encodeTones, understand: decodeTones },
            }),
          inject: [CONFIG],
        },
        {
          provide: Dispatcher,
          useFactory: createDispatcher,
          inject: [
            Database,
            CallCommands,
            Notifications,
            Log,
            CONFIG,
            CarriersForCalls,
            SimulatorProvider,
            TALK_SUPPORT,
          ],
        },
        {
          provide: TALK_SUPPORT,
          useFactory: createSessionSupport,
          inject: [
            ...[CONFIG, Log, Database, SecretBox, OutboundHttp, AgentsService, ProviderAccountsService],
            ...[KnowledgeSearch, CarriersForCalls, DiallingPolicyService, Recordings, FinishRecordings],
            SimulatorProvider,
          ],
        },
        {
          provide: FinishRecordings,
          useFactory: (database: Database, calls: CallCommands, recordings: Recordings, log: Log) =>
            new FinishRecordings(database, calls, recordings, log),
          inject: [Database, CallCommands, Recordings, Log],
        },
        DialProcessor,
        DialingWorker,
        SessionMaintenanceWorker,
      ],
    };
  }
}

function createDispatcher(
  database: Database,
  calls: CallCommands,
  wakeups: Notifications,
  log: Log,
  config: Config,
  carriers: CarriersForCalls,
  simulator: SimulatorProvider,
  support: SessionSupport,
) {
  const sip = new SipTrunkProvider({ database, carriers, log }, config.sip);
  const options = {
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
  return new Dispatcher(database, calls, { test: simulator, live: sip }, wakeups, log, options, support);
}
