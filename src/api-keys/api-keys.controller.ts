import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Operation, Page, PageQuery } from '../lib/platform/index.js';
import { type Caller } from './authentication.js';
import {
  ApiKeyView,
  CreateApiKeyRequest,
  IssuedApiKeyView,
  RollApiKeyRequest,
  toApiKeyView,
  toIssuedView,
} from './api-keys.dto.js';
import { ApiKeysService } from './api-keys.service.js';
import { CallerParam } from './caller.decorator.js';

@ApiTags('API keys')
@Controller('v1/api-keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  @Post()
  @Operation({
    scope: 'api-keys:manage',
    summary: 'Create an API key',
    description: '`key` is returned this once. A test key can create test keys only.',
    status: 201,
    returns: IssuedApiKeyView,
  })
  async createApiKey(@CallerParam() caller: Caller, @Body() request: CreateApiKeyRequest): Promise<IssuedApiKeyView> {
    return toIssuedView(await this.keys.create(caller, request));
  }

  @Get()
  @Operation({
    scope: 'api-keys:manage',
    summary: 'List API keys',
    description: 'Newest first, ended ones included. A test key sees test keys only.',
    returns: ApiKeyView,
    list: 'page',
  })
  async listApiKeys(@CallerParam() caller: Caller, @Query() { page, limit }: PageQuery): Promise<Page<ApiKeyView>> {
    return (await this.keys.list(caller, page, limit)).map(toApiKeyView);
  }

  @Delete(':id')
  @Operation({
    scope: 'api-keys:manage',
    summary: 'Revoke an API key',
    description: 'It stops working at once, everywhere.',
    returns: ApiKeyView,
    errors: ['not_found'],
  })
  async revokeApiKey(@CallerParam() caller: Caller, @Param('id') id: string): Promise<ApiKeyView> {
    return toApiKeyView(await this.keys.revoke(caller, id));
  }

  @Post(':id/roll')
  @Operation({
    scope: 'api-keys:manage',
    summary: 'Replace an API key',
    description: 'Returns a new key that can do the same. The old one stays good for `overlapSeconds`.',
    status: 201,
    returns: IssuedApiKeyView,
    errors: ['not_found', 'conflict'],
  })
  async rollApiKey(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body() request: RollApiKeyRequest,
  ): Promise<IssuedApiKeyView> {
    return toIssuedView(await this.keys.roll(caller, id, request.overlapSeconds ?? 0));
  }
}
