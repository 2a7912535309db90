import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Caller, CallerParam } from '../api-keys/index.js';
import { Operation, type Page } from '../lib/platform/index.js';
import { DeliveryDetailsView, DeliveryView, ListDeliveriesQuery, ReplayRequest, ReplayView } from './deliveries.dto.js';
import { DeliveryLog } from './delivery-log.js';

const SCOPE = 'webhooks:manage';

@ApiTags('Webhooks')
@Controller('v1/webhooks/:id')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveryLog) {}

  @Get('deliveries')
  @Operation({
    scope: SCOPE,
    summary: 'List the deliveries of a webhook',
    description: 'Newest first.',
    returns: DeliveryView,
    list: 'page',
    errors: ['not_found'],
  })
  listDeliveries(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Query() { page, limit, ...filter }: ListDeliveriesQuery,
  ): Promise<Page<DeliveryView>> {
    return this.deliveries.list(caller, id, filter, page, limit);
  }

  @Get('deliveries/:deliveryId')
  @Operation({
    scope: SCOPE,
    summary: 'Get a delivery',
    description: 'With what is sent and every attempt.',
    returns: DeliveryDetailsView,
    errors: ['not_found'],
  })
  async getDelivery(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Param('deliveryId') deliveryId: string,
  ): Promise<DeliveryDetailsView> {
    const { delivery, body, attempts } = await this.deliveries.get(caller, id, deliveryId);
    return { ...delivery, payload: body === null ? null : (JSON.parse(body) as object), log: attempts };
  }

  @Post('deliveries/:deliveryId/retry')
  @Operation({
    scope: SCOPE,
    summary: 'Retry a delivery',
    description: 'Attempts it now, under the same id. One that had failed, or was skipped, is attempted anew.',
    returns: DeliveryView,
    errors: ['not_found', 'conflict'],
  })
  retryDelivery(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Param('deliveryId') deliveryId: string,
  ): Promise<DeliveryView> {
    return this.deliveries.retry(caller, id, deliveryId);
  }

  @Post('replay')
  @Operation({
    scope: SCOPE,
    summary: 'Replay deliveries',
    description:
      'Sends the deliveries of a time range again, under new ids with `replayOf`. `status: skipped` selects the events ' +
      'from the time when the webhook was off. The payload contains the call as it is now.',
    returns: ReplayView,
    errors: ['not_found', 'conflict'],
  })
  replayDeliveries(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body() { to, ...range }: ReplayRequest,
  ): Promise<ReplayView> {
    return this.deliveries.replay(caller, id, { ...range, to: to ?? new Date() });
  }

  @Post('test')
  @Operation({
    scope: SCOPE,
    summary: 'Test a webhook',
    description: 'Sends it an event `webhook.test`; the delivery tells how it went.',
    status: 201,
    returns: DeliveryView,
    errors: ['not_found', 'conflict'],
  })
  testWebhook(@CallerParam() caller: Caller, @Param('id') id: string): Promise<DeliveryView> {
    return this.deliveries.test(caller, id);
  }
}
