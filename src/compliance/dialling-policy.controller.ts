import { Body, Controller, Get, Patch } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CallerParam, type Caller } from '../api-keys/index.js';
import { Operation } from '../lib/platform/index.js';
import { DiallingPolicyView, UpdateDiallingPolicyRequest } from './dialling-policy.dto.js';
import { DiallingPolicyService, type StoredPolicy } from './dialling-policy.service.js';
import { policyChanges } from './policy-changes.js';

const SCOPE = 'carriers:manage';

@ApiTags('Dialling policy')
@Controller('v1/dialling-policy')
export class DiallingPolicyController {
  constructor(private readonly policies: DiallingPolicyService) {}

  @Get()
  @Operation({
    scope: SCOPE,
    summary: 'Get the dialling policy',
    description:
      'Rules for the numbers that the organization may dial. A refused call ends `failed` and never reaches a carrier.',
    returns: DiallingPolicyView,
  })
  async getDiallingPolicy(@CallerParam() caller: Caller): Promise<DiallingPolicyView> {
    return toView(await this.policies.get(caller.organizationId));
  }

  @Patch()
  @Operation({
    scope: SCOPE,
    summary: 'Change the dialling policy',
    description: 'Absent fields keep their value. null removes the limits and the calling hours.',
    returns: DiallingPolicyView,
  })
  async updateDiallingPolicy(
    @CallerParam() caller: Caller,
    @Body() request: UpdateDiallingPolicyRequest,
  ): Promise<DiallingPolicyView> {
    return toView(await this.policies.update(caller.organizationId, policyChanges(request)));
  }
}

function toView(stored: StoredPolicy): DiallingPolicyView {
  return {
    allowedPrefixes: stored.allowedPrefixes,
    refusedPrefixes: stored.refusedPrefixes,
    allowPremium: stored.allowPremium,
    allowSatellite: stored.allowSatellite,
    maxSpendPerDay: stored.maxSpendPerDay,
    maxCallsPerNumberPerDay: stored.maxCallsPerNumberPerDay,
    callingHours: stored.callingHours,
    allowUnknownTimeZone: stored.allowUnknownTimeZone,
    updatedAt: stored.updatedAt,
  };
}
