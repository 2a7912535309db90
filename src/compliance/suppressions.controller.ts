import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CallerParam, type Caller } from '../api-keys/index.js';
import { Operation, Page } from '../lib/platform/index.js';
import { AddSuppressionRequest, SuppressionsQuery, SuppressionView, toSuppressionView } from './suppressions.dto.js';
import { SuppressionsService } from './suppressions.service.js';

const SCOPE = 'carriers:manage';

@ApiTags('Suppressions')
@Controller('v1/suppressions')
export class SuppressionsController {
  constructor(private readonly suppressions: SuppressionsService) {}

  @Post()
  @Operation({
    scope: SCOPE,
    summary: 'Suppress a number',
    description:
      'The number is not called any more, neither with live nor with test keys. A suppressed number gets the new reason and expiry.',
    status: 201,
    returns: SuppressionView,
  })
  async addSuppression(
    @CallerParam() caller: Caller,
    @Body() request: AddSuppressionRequest,
  ): Promise<SuppressionView> {
    return toSuppressionView(await this.suppressions.add(caller.organizationId, request));
  }

  @Get()
  @Operation({
    scope: SCOPE,
    summary: 'List suppressed numbers',
    description: 'Newest first, including expired ones.',
    returns: SuppressionView,
    list: 'page',
  })
  async listSuppressions(
    @CallerParam() caller: Caller,
    @Query() query: SuppressionsQuery,
  ): Promise<Page<SuppressionView>> {
    return (await this.suppressions.list(caller.organizationId, query)).map(toSuppressionView);
  }

  @Delete(':id')
  @Operation({
    scope: SCOPE,
    summary: 'Allow a suppressed number again',
    returns: SuppressionView,
    errors: ['not_found'],
  })
  async removeSuppression(@CallerParam() caller: Caller, @Param('id') id: string): Promise<SuppressionView> {
    return toSuppressionView(await this.suppressions.remove(caller.organizationId, id));
  }
}
