import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CallerParam, type Caller } from '../api-keys/index.js';
import { Operation, Page, PageQuery } from '../lib/platform/index.js';
import { CreateProviderRequest, ProviderView, toProviderView, UpdateProviderRequest } from './provider-accounts.dto.js';
import { ProviderAccountsService } from './provider-accounts.service.js';

const SCOPE = 'providers:manage';

@ApiTags('Providers')
@Controller('v1/providers')
export class ProviderAccountsController {
  constructor(private readonly accounts: ProviderAccountsService) {}

  @Post()
  @Operation({
    scope: SCOPE,
    summary: 'Add a provider',
    description: 'An account at a provider of speech or language, for agents that name it in `providers`.',
    status: 201,
    returns: ProviderView,
  })
  async addProvider(@CallerParam() caller: Caller, @Body() request: CreateProviderRequest): Promise<ProviderView> {
    return toProviderView(await this.accounts.create(caller.organizationId, request));
  }

  @Get()
  @Operation({
    scope: SCOPE,
    summary: 'List providers',
    description: 'Newest first.',
    returns: ProviderView,
    list: 'page',
  })
  async listProviders(@CallerParam() caller: Caller, @Query() { page, limit }: PageQuery): Promise<Page<ProviderView>> {
    return (await this.accounts.list(caller.organizationId, page, limit)).map(toProviderView);
  }

  @Get(':id')
  @Operation({ scope: SCOPE, summary: 'Get a provider', returns: ProviderView, errors: ['not_found'] })
  async getProvider(@CallerParam() caller: Caller, @Param('id') id: string): Promise<ProviderView> {
    return toProviderView(await this.accounts.get(caller.organizationId, id));
  }

  @Patch(':id')
  @Operation({
    scope: SCOPE,
    summary: 'Change a provider',
    description:
      'Fields that are not given stay as they are. null empties baseUrl and apiKey. A key is for the server that it was ' +
      'given for: to change `kind` or to another server in `baseUrl`, give it again.',
    returns: ProviderView,
    errors: ['not_found'],
  })
  async updateProvider(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body() request: UpdateProviderRequest,
  ): Promise<ProviderView> {
    return toProviderView(await this.accounts.update(caller.organizationId, id, request));
  }

  @Delete(':id')
  @Operation({
    scope: SCOPE,
    summary: 'Delete a provider',
    description: 'Not while active agents name it: PATCH or deactivate them first.',
    returns: ProviderView,
    errors: ['not_found', 'conflict'],
  })
  async deleteProvider(@CallerParam() caller: Caller, @Param('id') id: string): Promise<ProviderView> {
    return toProviderView(await this.accounts.remove(caller.organizationId, id));
  }
}
