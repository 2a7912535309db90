import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CarrierEntity } from './carriers/carrier.entity.js';
import { CarriersController } from './carriers/carriers.controller.js';
import { CarriersForCalls } from './carriers/carriers-for-calls.js';
import { CarriersService } from './carriers/carriers.service.js';
import { DiallingPolicyController } from './dialling-policy/dialling-policy.controller.js';
import { DiallingPolicyEntity } from './dialling-policy/dialling-policy.entity.js';
import { DiallingPolicyService } from './dialling-policy/dialling-policy.service.js';
import { SuppressionEntity } from './dialling-policy/suppression.entity.js';
import { SuppressionsController } from './dialling-policy/suppressions.controller.js';
import { SuppressionsService } from './dialling-policy/suppressions.service.js';
import { PhoneNumberEntity } from './phone-number.entity.js';
import { PhoneNumbersController } from './phone-numbers.controller.js';
import { PhoneNumbersService } from './phone-numbers.service.js';
import { CarrierHealth } from './sip-carrier/carrier-health.js';

const SERVICES = [PhoneNumbersService, CarriersForCalls, CarriersService, SuppressionsService, DiallingPolicyService];

@Module({
  imports: [TypeOrmModule.forFeature([PhoneNumberEntity, CarrierEntity, SuppressionEntity, DiallingPolicyEntity])],
  providers: SERVICES,
  exports: SERVICES,
})
export class TelephonyModule {}

@Module({
  imports: [TelephonyModule],
  providers: [CarrierHealth],
  controllers: [PhoneNumbersController, CarriersController, SuppressionsController, DiallingPolicyController],
})
export class TelephonyApiModule {}
