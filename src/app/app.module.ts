import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { type DataSource, type EntityTarget, type ObjectLiteral } from 'typeorm';
import { AgentEntity, AgentsApiModule, AgentsModule, AgentVersionEntity } from '../agents/index.js';
import { ProviderAccountEntity } from '../provider-accounts/index.js';
import { ApiKeyEntity, ApiKeysApiModule, ApiKeysModule, OrganizationEntity } from '../api-keys/index.js';
import { AnalysisModule } from '../analysis/index.js';
import { CallsApiModule, CallsWorkerModule } from '../calls/index.js';
import { RecordingsApiModule } from '../recordings/index.js';
import { DialingModule } from '../dialing/index.js';
import { type Config, type Role } from '../config/config.js';
import { DemoData } from './demo-data.js';
import { Log } from '../lib/platform/index.js';
import { PlatformModule } from './platform.module.js';
import { PlannedController } from './planned.controller.js';
import { CarrierEntity, CarriersApiModule, PhoneNumberEntity } from '../carriers/index.js';
import { ComplianceApiModule, DiallingPolicyEntity, SuppressionEntity } from '../compliance/index.js';
import { SipCarrierHealth } from '../telephony/index.js';
import { WebhookEntity, WebhooksApiModule, WebhooksWorkerModule } from '../webhooks/index.js';

/** The tables that TypeORM maps. */
export const ENTITIES: EntityTarget<ObjectLiteral>[] = [
  OrganizationEntity,
  ApiKeyEntity,
  AgentEntity,
  AgentVersionEntity,
  ProviderAccountEntity,
  PhoneNumberEntity,
  CarrierEntity,
  SuppressionEntity,
  DiallingPolicyEntity,
  WebhookEntity,
];

@Module({ controllers: [PlannedController] })
class PlannedModule {}

/** What each role of a process is made of. */
const PARTS: Readonly<Record<Role, (context: { config: Config; databaseUrl: string }) => (Type | DynamicModule)[]>> = {
  api: () => [
    ApiKeysApiModule,
    AgentsApiModule,
    CarriersApiModule.forRoot(SipCarrierHealth),
    ComplianceApiModule,
    CallsApiModule,
    RecordingsApiModule,
    WebhooksApiModule,
    PlannedModule,
  ],
  worker: ({ config, databaseUrl }) => [
    CallsWorkerModule,
    AnalysisModule,
    DialingModule.forRoot(config.redisUrl, databaseUrl),
    WebhooksWorkerModule,
  ],
};

@Module({})
export class AppModule {
  static forRoot(config: Config, database: { dataSource: DataSource; url: string }, log: Log): DynamicModule {
    return {
      module: AppModule,
      imports: [
        PlatformModule.forRoot(config, database.dataSource, log),
        ApiKeysModule,
        AgentsModule,
        ...config.roles.flatMap((role) => PARTS[role]({ config, databaseUrl: database.url })),
      ],
      providers: [DemoData],
    };
  }
}
