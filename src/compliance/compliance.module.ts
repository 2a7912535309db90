import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DailyUse } from './daily-use.js';
import { DiallingPolicyController } from './dialling-policy.controller.js';
import { DiallingPolicyEntity } from './dialling-policy.entity.js';
import { DiallingPolicyService } from './dialling-policy.service.js';
import { SuppressionEntity } from './suppression.entity.js';
import { SuppressionsController } from './suppressions.controller.js';
import { SuppressionsService } from './suppressions.service.js';

const SERVICES = [SuppressionsService, DiallingPolicyService, DailyUse];

@Module({
  imports: [TypeOrmModule.forFeature([SuppressionEntity, DiallingPolicyEntity])],
  providers: SERVICES,
  exports: SERVICES,
})
export class ComplianceModule {}

@Module({ imports: [ComplianceModule], controllers: [SuppressionsController, DiallingPolicyController] })
export class ComplianceApiModule {}
