import { type CallingHours } from './calling-hours.js';
import { type UpdateDiallingPolicyRequest } from './dialling-policy.dto.js';
import { type DiallingPolicy } from './dialling-policy.js';

/** The changes of a request. null removes a limit or the calling hours, and keeps the value of another field. */
export function policyChanges(request: UpdateDiallingPolicyRequest): Partial<DiallingPolicy> {
  const { allowedPrefixes, refusedPrefixes, callingHours } = request;
  const changes = {
    allowedPrefixes: allowedPrefixes ? [...new Set(allowedPrefixes)] : undefined,
    refusedPrefixes: refusedPrefixes ? [...new Set(refusedPrefixes)] : undefined,
    maxSpendPerDay: request.maxSpendPerDay,
    allowPremium: request.allowPremium ?? undefined,
    allowSatellite: request.allowSatellite ?? undefined,
    maxCallsPerNumberPerDay: request.maxCallsPerNumberPerDay,
    callingHours: callingHours && plainHours(callingHours),
    allowUnknownTimeZone: request.allowUnknownTimeZone ?? undefined,
  };
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

const plainHours = ({ start, end, days }: CallingHours): CallingHours => ({ start, end, days });
