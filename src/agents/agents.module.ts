import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AgentVersionEntity } from './agent-version.entity.js';
import { AgentEntity } from './agent.entity.js';
import { AgentsController } from './agents.controller.js';
import { AgentsService } from './agents.service.js';
import { KnowledgeBasesController } from './knowledge/knowledge-bases.controller.js';
import { KnowledgeBasesService } from './knowledge/knowledge-bases.service.js';
import { KnowledgeDocumentsController } from './knowledge/knowledge-documents.controller.js';
import { KnowledgeDocumentsService } from './knowledge/knowledge-documents.service.js';
import { KnowledgeSearch } from './knowledge/knowledge-search.js';
import { PdfReader } from './knowledge/pdf-reader.js';
import { ProviderAccountEntity } from './provider-accounts/provider-account.entity.js';
import { ProviderAccountsController } from './provider-accounts/provider-accounts.controller.js';
import { ProviderAccountsService } from './provider-accounts/provider-accounts.service.js';

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
