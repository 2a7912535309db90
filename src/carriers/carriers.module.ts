import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CarrierHealth } from './carrier-health.js';
import { CarrierEntity } from './carrier.entity.js';
import { CarriersController } from './carriers.controller.js';
import { CarriersForCalls } from './carriers-for-calls.js';
import { CarriersService } from './carriers.service.js';
import { PhoneNumberEntity } from './phone-number.entity.js';
import { PhoneNumbersController } from './phone-numbers.controller.js';
import { PhoneNumbersService } from './phone-numbers.service.js';

const SERVICES = [PhoneNumbersService, CarriersForCalls, CarriersService];

@Module({
  imports: [TypeOrmModule.forFeature([PhoneNumberEntity, CarrierEntity])],
  providers: SERVICES,
  exports: SERVICES,
})
export class CarriersModule {}

@Module({})
export class CarriersApiModule {
  /** @param health what pings the targets of carriers */
  static forRoot(health: Type<CarrierHealth>): DynamicModule {
    return {
      module: CarriersApiModule,
      imports: [CarriersModule],
      providers: [{ provide: CarrierHealth, useClass: health }],
      controllers: [PhoneNumbersController, CarriersController],
    };
  }
}
