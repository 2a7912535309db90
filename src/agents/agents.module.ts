import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AgentVersionEntity } from './agent-version.entity.js';
import { AgentEntity } from './agent.entity.js';
import { AgentsController } from './agents.controller.js';
import { AgentsService } from './agents.service.js';
import {
  KnowledgeBasesController,
  KnowledgeBasesService,
  KnowledgeDocumentsController,
  KnowledgeDocumentsService,
  KnowledgeSearch,
  PdfReader,
} from '../knowledge/index.js';
import {
  ProviderAccountEntity,
  ProviderAccountsController,
  ProviderAccountsService,
} from '../provider-accounts/index.js';

const SERVICES = [AgentsService, KnowledgeBasesService, KnowledgeSearch, ProviderAccountsService];

@Module({
  imports: [TypeOrmModule.forFeature([AgentEntity, AgentVersionEntity, ProviderAccountEntity])],
  providers: SERVICES,
  exports: SERVICES,
})
export class AgentsModule {}

@Module({
  imports: [AgentsModule],
  controllers: [AgentsController, KnowledgeBasesController, KnowledgeDocumentsController, ProviderAccountsController],
  providers: [KnowledgeDocumentsService, { provide: PdfReader, useFactory: () => new PdfReader() }],
})
export class AgentsApiModule {}
