import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  CarrierEntity,
  CarriersController,
  CarriersForCalls,
  CarriersService,
  PhoneNumberEntity,
  PhoneNumbersController,
  PhoneNumbersService,
} from '../carriers/index.js';
import {
  DiallingPolicyController,
  DiallingPolicyEntity,
  DiallingPolicyService,
  SuppressionEntity,
  SuppressionsController,
  SuppressionsService,
} from '../compliance/index.js';
import { CarrierHealth } from './sip-trunk/carrier-health.js';

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
