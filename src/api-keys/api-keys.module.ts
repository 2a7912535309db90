import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { type Config } from '../config/config.js';
import { Database } from '../lib/platform/index.js';
import { CONFIG } from '../config/inject-config.js';
import { Authenticator } from './authentication.js';
import { ApiKeyEntity, OrganizationEntity } from './api-key.entity.js';
import { ApiKeyGuard } from './api-key.guard.js';
import { ApiKeysController } from './api-keys.controller.js';
import { ApiKeysService } from './api-keys.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([ApiKeyEntity, OrganizationEntity])],
  providers: [ApiKeysService],
  exports: [ApiKeysService],
})
export class ApiKeysModule {}

/** The guard before every route, and the routes that manage keys. */
@Module({
  imports: [ApiKeysModule],
  controllers: [ApiKeysController],
  providers: [
    {
      provide: Authenticator,
      useFactory: (database: Database, config: Config) => new Authenticator(database, config.rateLimitPerMinute),
      inject: [Database, CONFIG],
    },
    { provide: APP_GUARD, useClass: ApiKeyGuard },
  ],
})
export class ApiKeysApiModule {}
