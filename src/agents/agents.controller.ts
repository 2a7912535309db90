import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CallerParam, type Caller } from '../api-keys/index.js';
import { Operation, Page, PageQuery } from '../platform/index.js';
import {
  AgentSummary,
  AgentView,
  CreateAgentRequest,
  toAgentSummary,
  toAgentView,
  UpdateAgentRequest,
} from './agents.dto.js';
import { AgentsService } from './agents.service.js';

@ApiTags('Agents')
@Controller('v1/agents')
export class AgentsController {
  constructor(private readonly agents: AgentsService) {}

  @Post()
  @Operation({ scope: 'agents:write', summary: 'Create an agent', status: 201, returns: AgentView })
  async createAgent(@CallerParam() caller: Caller, @Body() request: CreateAgentRequest): Promise<AgentView> {
    return toAgentView(await this.agents.create(caller.organizationId, request));
  }

  @Get()
  @Operation({
    scope: 'agents:read',
    summary: 'List agents',
    description: 'Active agents, newest first.',
    returns: AgentSummary,
    list: 'page',
  })
  async listAgents(@CallerParam() caller: Caller, @Query() { page, limit }: PageQuery): Promise<Page<AgentSummary>> {
    return (await this.agents.list(caller.organizationId, page, limit)).map(toAgentSummary);
  }

  @Get(':id')
  @Operation({ scope: 'agents:read', summary: 'Get an agent', returns: AgentView, errors: ['not_found'] })
  async getAgent(@CallerParam() caller: Caller, @Param('id') id: string): Promise<AgentView> {
    return toAgentView(await this.agents.get(caller.organizationId, id));
  }

  @Patch(':id')
  @Operation({
    scope: 'agents:write',
    summary: 'Change an agent',
    description: 'Fields that are not given stay as they are. null empties voiceId, language, prompt and firstMessage.',
    returns: AgentView,
    errors: ['not_found'],
  })
  async updateAgent(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body() request: UpdateAgentRequest,
  ): Promise<AgentView> {
    return toAgentView(await this.agents.update(caller.organizationId, id, request));
  }

  @Delete(':id')
  @Operation({
    scope: 'agents:write',
    summary: 'Deactivate an agent',
    description: 'It is no longer listed and starts no calls. PATCH with `isActive: true` brings it back.',
    returns: AgentView,
    errors: ['not_found'],
  })
  async deactivateAgent(@CallerParam() caller: Caller, @Param('id') id: string): Promise<AgentView> {
    return toAgentView(await this.agents.deactivate(caller.organizationId, id));
  }
}
