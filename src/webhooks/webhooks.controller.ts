import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Caller, CallerParam } from '../api-keys/index.js';
import { Operation, Page, PageQuery } from '../lib/platform/index.js';
import {
  CreateWebhookRequest,
  DEFAULT_OVERLAP,
  RotateWebhookSecretRequest,
  toWebhookView,
  UpdateWebhookRequest,
  WebhookView,
  WebhookWithSecretView,
} from './webhooks.dto.js';
import { WebhooksService, type WithSecret } from './webhooks.service.js';

const SCOPE = 'webhooks:manage';

@ApiTags('Webhooks')
@Controller('v1/webhooks')
export class WebhooksController {
  constructor(private readonly webhooks: WebhooksService) {}

  @Post()
  @Operation({
    scope: SCOPE,
    summary: 'Add a webhook',
    description:
      'The webhook receives events about the calls of the environment of the key. Only this response contains ' +
      '`secret`. Deliveries have the header `X-Replicer-Signature`, and `webhook-signature` of Standard Webhooks: ' +
      'verify the latter to refuse replays. Answer with 2xx within 10 seconds; deliveries follow no redirects.',
    status: 201,
    returns: WebhookWithSecretView,
    errors: ['conflict'],
  })
  async addWebhook(
    @CallerParam() caller: Caller,
    @Body() request: CreateWebhookRequest,
  ): Promise<WebhookWithSecretView> {
    return withSecret(await this.webhooks.create(caller, request));
  }

  @Get()
  @Operation({
    scope: SCOPE,
    summary: 'List webhooks',
    description: 'Newest first.',
    returns: WebhookView,
    list: 'page',
  })
  async listWebhooks(@CallerParam() caller: Caller, @Query() { page, limit }: PageQuery): Promise<Page<WebhookView>> {
    return (await this.webhooks.list(caller, page, limit)).map(toWebhookView);
  }

  @Get(':id')
  @Operation({ scope: SCOPE, summary: 'Get a webhook', returns: WebhookView, errors: ['not_found'] })
  async getWebhook(@CallerParam() caller: Caller, @Param('id') id: string): Promise<WebhookView> {
    return toWebhookView(await this.webhooks.get(caller, id));
  }

  @Patch(':id')
  @Operation({
    scope: SCOPE,
    summary: 'Change a webhook',
    description:
      'Fields that are not given stay as they are. While it is not active, deliveries are noted as `skipped`, and can ' +
      'be replayed later.',
    returns: WebhookView,
    errors: ['not_found'],
  })
  async updateWebhook(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body() request: UpdateWebhookRequest,
  ): Promise<WebhookView> {
    return toWebhookView(await this.webhooks.update(caller, id, request));
  }

  @Delete(':id')
  @Operation({
    scope: SCOPE,
    summary: 'Delete a webhook',
    description: 'With the log of its deliveries.',
    returns: WebhookView,
    errors: ['not_found'],
  })
  async deleteWebhook(@CallerParam() caller: Caller, @Param('id') id: string): Promise<WebhookView> {
    return toWebhookView(await this.webhooks.remove(caller, id));
  }

  @Post(':id/rotate')
  @Operation({
    scope: SCOPE,
    summary: "Rotate a webhook's secret",
    description:
      'Returns a new secret. For `overlapSeconds` the header `webhook-signature` has a signature with the old one as ' +
      'well, and `X-Replicer-Signature` is made with the old one; 0 ends it at once, as after a leak.',
    status: 201,
    returns: WebhookWithSecretView,
    errors: ['not_found', 'conflict'],
  })
  async rotateWebhookSecret(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body() { overlapSeconds }: RotateWebhookSecretRequest,
  ): Promise<WebhookWithSecretView> {
    return withSecret(await this.webhooks.rotate(caller, id, overlapSeconds ?? DEFAULT_OVERLAP));
  }
}

const withSecret = ({ webhook, secret }: WithSecret): WebhookWithSecretView => ({ ...toWebhookView(webhook), secret });
