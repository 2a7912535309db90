import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AgentVersionEntity } from './agent-version.entity.js';
import { AgentEntity } from './agent.entity.js';
import { AgentsController } from './agents.controller.js';
import { AgentsService } from './agents.service.js';
import { ProviderAccountEntity } from './provider-accounts/provider-account.entity.js';
import { ProviderAccountsController } from './provider-accounts/provider-accounts.controller.js';
import { ProviderAccountsService } from './provider-accounts/provider-accounts.service.js';

const SERVICES = [AgentsService, ProviderAccountsService];

@Module({
  imports: [TypeOrmModule.forFeature([AgentEntity, AgentVersionEntity, ProviderAccountEntity])],
  providers: SERVICES,
  exports: SERVICES,
})
export class AgentsModule {}

@Module({ imports: [AgentsModule], controllers: [AgentsController, ProviderAccountsController] })
export class AgentsApiModule {}
