import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CallerParam, type Caller } from '../api-keys/index.js';
import { Operation, Page, PageQuery } from '../lib/platform/index.js';
import { KnowledgeBasesService } from './knowledge-bases.service.js';
import { KnowledgeSearch } from './knowledge-search.js';
import {
  CreateKnowledgeBaseRequest,
  KnowledgeBaseView,
  PassageView,
  SearchKnowledgeQuery,
  toKnowledgeBaseView,
  toPassageView,
  UpdateKnowledgeBaseRequest,
} from './knowledge.dto.js';

@ApiTags('Knowledge bases')
@Controller('v1/knowledge-bases')
export class KnowledgeBasesController {
  constructor(
    private readonly bases: KnowledgeBasesService,
    private readonly knowledge: KnowledgeSearch,
  ) {}

  @Post()
  @Operation({
    scope: 'agents:write',
    summary: 'Create a knowledge base',
    description: 'What agents can look up during a call. Upload documents to it next.',
    status: 201,
    returns: KnowledgeBaseView,
  })
  async createKnowledgeBase(
    @CallerParam() caller: Caller,
    @Body() request: CreateKnowledgeBaseRequest,
  ): Promise<KnowledgeBaseView> {
    return toKnowledgeBaseView(await this.bases.create(caller.organizationId, request));
  }

  @Get()
  @Operation({
    scope: 'agents:read',
    summary: 'List knowledge bases',
    description: 'Newest first.',
    returns: KnowledgeBaseView,
    list: 'page',
  })
  async listKnowledgeBases(
    @CallerParam() caller: Caller,
    @Query() { page, limit }: PageQuery,
  ): Promise<Page<KnowledgeBaseView>> {
    return (await this.bases.list(caller.organizationId, page, limit)).map(toKnowledgeBaseView);
  }

  @Get(':id')
  @Operation({
    scope: 'agents:read',
    summary: 'Get a knowledge base',
    returns: KnowledgeBaseView,
    errors: ['not_found'],
  })
  async getKnowledgeBase(@CallerParam() caller: Caller, @Param('id') id: string): Promise<KnowledgeBaseView> {
    return toKnowledgeBaseView(await this.bases.get(caller.organizationId, id));
  }

  @Get(':id/search')
  @Operation({
    scope: 'agents:read',
    summary: 'Search a knowledge base',
    description:
      'The passages that an agent would be given for a question, best first: those that have all its words, then those ' +
      'that have some.',
    returns: PassageView,
    list: 'items',
    errors: ['not_found'],
  })
  async searchKnowledgeBase(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Query() { q, limit }: SearchKnowledgeQuery,
  ): Promise<PassageView[]> {
    await this.bases.get(caller.organizationId, id);
    return (await this.knowledge.search(caller.organizationId, [id], q, limit)).map(toPassageView);
  }

  @Patch(':id')
  @Operation({
    scope: 'agents:write',
    summary: 'Change a knowledge base',
    description: 'Fields that are not given stay as they are. null empties the description.',
    returns: KnowledgeBaseView,
    errors: ['not_found'],
  })
  async updateKnowledgeBase(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body() request: UpdateKnowledgeBaseRequest,
  ): Promise<KnowledgeBaseView> {
    return toKnowledgeBaseView(await this.bases.update(caller.organizationId, id, request));
  }

  @Delete(':id')
  @Operation({
    scope: 'agents:write',
    summary: 'Delete a knowledge base',
    description: 'With its documents. Refused while active agents use it.',
    returns: KnowledgeBaseView,
    errors: ['not_found', 'conflict'],
  })
  async deleteKnowledgeBase(@CallerParam() caller: Caller, @Param('id') id: string): Promise<KnowledgeBaseView> {
    return toKnowledgeBaseView(await this.bases.remove(caller.organizationId, id));
  }
}
