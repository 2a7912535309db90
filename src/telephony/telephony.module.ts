import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { PhoneNumberEntity } from './phone-number.entity.js';
import { PhoneNumbersController } from './phone-numbers.controller.js';
import { PhoneNumbersService } from './phone-numbers.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([PhoneNumberEntity])],
  providers: [PhoneNumbersService],
  exports: [PhoneNumbersService],
})
export class TelephonyModule {}

@Module({ imports: [TelephonyModule], controllers: [PhoneNumbersController] })
export class TelephonyApiModule {}
