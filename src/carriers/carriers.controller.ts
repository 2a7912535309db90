import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CallerParam, type Caller } from '../api-keys/index.js';
import { Operation, Page, PageQuery } from '../lib/platform/index.js';
import { CarrierHealth } from './carrier-health.js';
import { carrierChanges } from './carrier-changes.js';
import {
  CarrierView,
  CreateCarrierRequest,
  TargetHealthView,
  toCarrierView,
  UpdateCarrierRequest,
} from './carriers.dto.js';
import { CarriersService } from './carriers.service.js';

const SCOPE = 'carriers:manage';

@ApiTags('Carriers')
@Controller('v1/carriers')
export class CarriersController {
  constructor(
    private readonly carriers: CarriersService,
    private readonly health: CarrierHealth,
  ) {}

  @Post()
  @Operation({
    scope: SCOPE,
    summary: 'Add a carrier',
    description:
      'A SIP trunk. Live calls use it from the phone numbers that name it as their carrier. With `username` goes a `password`.',
    status: 201,
    returns: CarrierView,
  })
  async addCarrier(@CallerParam() caller: Caller, @Body() request: CreateCarrierRequest): Promise<CarrierView> {
    const given = { ...carrierChanges(request), name: request.name };
    return toCarrierView(await this.carriers.create(caller.organizationId, given));
  }

  @Get()
  @Operation({
    scope: SCOPE,
    summary: 'List carriers',
    description: 'Newest first.',
    returns: CarrierView,
    list: 'page',
  })
  async listCarriers(@CallerParam() caller: Caller, @Query() { page, limit }: PageQuery): Promise<Page<CarrierView>> {
    return (await this.carriers.list(caller.organizationId, page, limit)).map(toCarrierView);
  }

  @Get(':id')
  @Operation({ scope: SCOPE, summary: 'Get a carrier', returns: CarrierView, errors: ['not_found'] })
  async getCarrier(@CallerParam() caller: Caller, @Param('id') id: string): Promise<CarrierView> {
    return toCarrierView(await this.carriers.get(caller.organizationId, id));
  }

  @Post(':id/ping')
  @Operation({
    scope: SCOPE,
    summary: 'Ping a carrier',
    description: 'Asks each target with SIP OPTIONS whether it is there, and says how long it took to answer.',
    returns: TargetHealthView,
    list: 'items',
    errors: ['not_found'],
  })
  async pingCarrier(@CallerParam() caller: Caller, @Param('id') id: string): Promise<TargetHealthView[]> {
    const { targets, verifyTls } = await this.carriers.get(caller.organizationId, id);
    return this.health.ping(targets, verifyTls);
  }

  @Patch(':id')
  @Operation({
    scope: SCOPE,
    summary: 'Change a carrier',
    description:
      'Fields that are not given stay as they are. null empties username, password, authRealm, fromDomain, callsPerSecond and maxChannels.',
    returns: CarrierView,
    errors: ['not_found', 'conflict'],
  })
  async updateCarrier(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body() request: UpdateCarrierRequest,
  ): Promise<CarrierView> {
    return toCarrierView(await this.carriers.update(caller.organizationId, id, carrierChanges(request)));
  }

  @Delete(':id')
  @Operation({
    scope: SCOPE,
    summary: 'Delete a carrier',
    description: 'Not while phone numbers use it: PATCH them first. To pause it, PATCH `isActive: false`.',
    returns: CarrierView,
    errors: ['not_found', 'conflict'],
  })
  async deleteCarrier(@CallerParam() caller: Caller, @Param('id') id: string): Promise<CarrierView> {
    return toCarrierView(await this.carriers.remove(caller.organizationId, id));
  }
}
