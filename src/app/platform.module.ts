import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Global,
  Module,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { type DataSource } from 'typeorm';
import { type Config } from '../config/config.js';
import { CONFIG } from '../config/inject-config.js';
import {
  Database,
  ErrorFilter,
  HealthController,
  Log,
  Notifications,
  OutboundHttp,
  poolOf,
  SecretBox,
} from '../lib/platform/index.js';

/** Names of the notifications between processes. */
const NOTIFICATION_CHANNELS = ['call_events', 'call_slots', 'webhook_deliveries'];

/** Provides the settings, the log and the database to every room. */
@Global()
@Module({})
export class PlatformModule implements BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(
    private readonly log: Log,
    private readonly wakeups: Notifications,
    private readonly outbound: OutboundHttp,
  ) {}

  static forRoot(config: Config, dataSource: DataSource, log: Log): DynamicModule {
    return {
      module: PlatformModule,
      imports: [
        TypeOrmModule.forRootAsync({ useFactory: () => ({}), dataSourceFactory: () => Promise.resolve(dataSource) }),
      ],
      controllers: [HealthController],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: Log, useValue: log },
        { provide: Database, useValue: new Database(poolOf(dataSource)) },
        {
          provide: Notifications,
          useFactory: (database: Database) => new Notifications(database, log, NOTIFICATION_CHANNELS),
          inject: [Database],
        },
        { provide: SecretBox, useValue: new SecretBox(config) },
        { provide: OutboundHttp, useFactory: () => new OutboundHttp(config.outbound) },
        ErrorFilter,
      ],
      exports: [CONFIG, Log, Database, Notifications, SecretBox, OutboundHttp],
    };
  }

  /** Before TypeORM closes the pool that the wake-ups listen on. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.wakeups.stop();
  }

  onApplicationShutdown(): void {
    this.outbound.close();
    this.log.flush();
  }
}
