import { Body, Controller, Delete, Get, Param, Patch, Post, Put, Query, Req } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiTags } from '@nestjs/swagger';
import { type Request } from 'express';
import { CallerParam, type Caller } from '../api-keys/index.js';
import { Operation, Page, PageQuery, readUpload, type UploadRoute } from '../lib/platform/index.js';
import {
  AgentSummary,
  AgentVersionSummary,
  AgentVersionView,
  AgentView,
  GreetingAudioView,
  toAgentSummary,
  toAgentView,
  toVersionSummary,
  toVersionView,
} from './agent-views.dto.js';
import { CreateAgentRequest, UpdateAgentRequest } from './agents.dto.js';
import { AgentsService } from './agents.service.js';

const AUDIO_TYPES = ['audio/wav', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave'];
const MAX_AUDIO_BYTES = 25_000_000;

export const GREETING_UPLOAD: UploadRoute = { method: 'PUT', path: /^\/v1\/agents\/[^/]+\/greeting-audio\/?$/ };

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

  @Get(':id/versions')
  @Operation({
    scope: 'agents:read',
    summary: "List an agent's versions",
    description: 'Newest first. Each change of an agent makes a version; deactivating it makes none.',
    returns: AgentVersionSummary,
    list: 'page',
    errors: ['not_found'],
  })
  async listAgentVersions(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Query() { page, limit }: PageQuery,
  ): Promise<Page<AgentVersionSummary>> {
    return (await this.agents.listVersions(caller.organizationId, id, page, limit)).map(toVersionSummary);
  }

  @Get(':id/versions/:version')
  @Operation({
    scope: 'agents:read',
    summary: "Get an agent's version",
    description: 'The configuration of the agent in that version.',
    returns: AgentVersionView,
    errors: ['not_found'],
  })
  async getAgentVersion(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Param('version') version: string,
  ): Promise<AgentVersionView> {
    const number = /^[1-9]\d*$/.test(version) ? Number(version) : NaN;
    return toVersionView(await this.agents.getVersion(caller.organizationId, id, number));
  }

  @Patch(':id')
  @Operation({
    scope: 'agents:write',
    summary: 'Change an agent',
    description:
      'Fields that are not given stay as they are. null empties what may be empty and leaves the rest alone. What is ' +
      'changed makes a new version.',
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

  @Put(':id/greeting-audio')
  @ApiConsumes('audio/wav')
  @ApiBody({ description: 'PCM, mu-law or A-law; at most 2 minutes', schema: { type: 'string', format: 'binary' } })
  @Operation({
    scope: 'agents:write',
    summary: "Upload an agent's greeting",
    description: 'A WAV file that plays when a live call is answered, instead of the firstMessage.',
    returns: GreetingAudioView,
    errors: ['not_found', 'unsupported_media_type', 'payload_too_large'],
  })
  async setGreetingAudio(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<GreetingAudioView> {
    const file = await readUpload(request, AUDIO_TYPES, MAX_AUDIO_BYTES);
    return { durationMs: await this.agents.setGreetingAudio(caller.organizationId, id, file) };
  }

  @Delete(':id/greeting-audio')
  @Operation({
    scope: 'agents:write',
    summary: "Remove an agent's greeting",
    description: 'The agent speaks its firstMessage again.',
    returns: AgentView,
    errors: ['not_found'],
  })
  async removeGreetingAudio(@CallerParam() caller: Caller, @Param('id') id: string): Promise<AgentView> {
    return toAgentView(await this.agents.removeGreetingAudio(caller.organizationId, id));
  }

  @Delete(':id')
  @Operation({
    scope: 'agents:write',
    summary: 'Deactivate an agent',
    description:
      'A deactivated agent is not listed and takes no new calls. PATCH with `isActive: true` activates it again.',
    returns: AgentView,
    errors: ['not_found'],
  })
  async deactivateAgent(@CallerParam() caller: Caller, @Param('id') id: string): Promise<AgentView> {
    return toAgentView(await this.agents.deactivate(caller.organizationId, id));
  }
}
