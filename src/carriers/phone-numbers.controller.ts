import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CallerParam, type Caller } from '../api-keys/index.js';
import { Operation, Page, PageQuery } from '../lib/platform/index.js';
import {
  AddPhoneNumberRequest,
  PhoneNumberView,
  toPhoneNumberView,
  UpdatePhoneNumberRequest,
} from './phone-numbers.dto.js';
import { PhoneNumbersService } from './phone-numbers.service.js';

@ApiTags('Phone numbers')
@Controller('v1/phone-numbers')
export class PhoneNumbersController {
  constructor(private readonly numbers: PhoneNumbersService) {}

  @Post()
  @Operation({
    scope: 'phone-numbers:write',
    summary: 'Add a phone number',
    description: 'Calls can be made from it from then on.',
    status: 201,
    returns: PhoneNumberView,
    errors: ['not_found', 'conflict'],
  })
  async addPhoneNumber(
    @CallerParam() caller: Caller,
    @Body() request: AddPhoneNumberRequest,
  ): Promise<PhoneNumberView> {
    return toPhoneNumberView(await this.numbers.add(caller.organizationId, request));
  }

  @Get()
  @Operation({
    scope: 'phone-numbers:read',
    summary: 'List phone numbers',
    description: 'Newest first.',
    returns: PhoneNumberView,
    list: 'page',
  })
  async listPhoneNumbers(
    @CallerParam() caller: Caller,
    @Query() { page, limit }: PageQuery,
  ): Promise<Page<PhoneNumberView>> {
    return (await this.numbers.list(caller.organizationId, page, limit)).map(toPhoneNumberView);
  }

  @Patch(':id')
  @Operation({
    scope: 'phone-numbers:write',
    summary: 'Change a phone number',
    description: 'Fields that are not given stay as they are; null empties them.',
    returns: PhoneNumberView,
    errors: ['not_found'],
  })
  async updatePhoneNumber(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body() request: UpdatePhoneNumberRequest,
  ): Promise<PhoneNumberView> {
    return toPhoneNumberView(await this.numbers.update(caller.organizationId, id, request));
  }

  @Delete(':id')
  @Operation({
    scope: 'phone-numbers:write',
    summary: 'Remove a phone number',
    description: 'New calls from the number are refused; accepted calls go on.',
    returns: PhoneNumberView,
    errors: ['not_found'],
  })
  async removePhoneNumber(@CallerParam() caller: Caller, @Param('id') id: string): Promise<PhoneNumberView> {
    return toPhoneNumberView(await this.numbers.remove(caller.organizationId, id));
  }
}
