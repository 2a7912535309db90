import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AgentVersionEntity } from './agent-version.entity.js';
import { AgentEntity } from './agent.entity.js';
import { AgentsController } from './agents.controller.js';
import { AgentsService } from './agents.service.js';
import { ProviderAccountEntity } from './provider-accounts/provider-account.entity.js';

const SERVICES = [AgentsService];

@Module({
  imports: [TypeOrmModule.forFeature([AgentEntity, AgentVersionEntity, ProviderAccountEntity])],
  providers: SERVICES,
  exports: SERVICES,
})
export class AgentsModule {}

@Module({ imports: [AgentsModule], controllers: [AgentsController] })
export class AgentsApiModule {}
