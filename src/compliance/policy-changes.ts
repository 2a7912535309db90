import { Problems, type RawBody } from '../carriers/index.js';
import { type CallingHours, callingHoursProblems } from './calling-hours.js';
import { MAX_PREFIXES, MAX_SPEND, type UpdateDiallingPolicyRequest } from './dialling-policy.dto.js';
import { type DiallingPolicy } from './dialling-policy.js';

const PREFIX = /^\+\d{1,15}$/;

/**
 * What a request changes. null empties the limits and the calling hours, and leaves the rest alone.
 * @throws DomainError `validation_error`
 */
export function readPolicyChanges(request: UpdateDiallingPolicyRequest, body: RawBody): Partial<DiallingPolicy> {
  const problems = new Problems();
  const { callingHours } = request;
  if (callingHours)
    for (const [field, problem] of Object.entries(callingHoursProblems(callingHours))) problems.add(field, problem);
  const changes = {
    allowedPrefixes: readPrefixes('allowedPrefixes', body, problems),
    refusedPrefixes: readPrefixes('refusedPrefixes', body, problems),
    maxSpendPerDay: readSpend(body['maxSpendPerDay'], problems),
    allowPremium: request.allowPremium ?? undefined,
    allowSatellite: request.allowSatellite ?? undefined,
    maxCallsPerNumberPerDay: request.maxCallsPerNumberPerDay,
    callingHours: callingHours && onlyHours(callingHours as CallingHours),
    allowUnknownTimeZone: request.allowUnknownTimeZone ?? undefined,
  };
  problems.refuse();
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

const onlyHours = ({ start, end, days }: CallingHours): CallingHours => ({ start, end, days });

function readPrefixes(field: string, body: RawBody, problems: Problems): string[] | undefined {
  const given = body[field];
  if (given == null) return undefined;
  const isPrefix = (item: unknown): item is string => typeof item === 'string' && PREFIX.test(item);
  if (Array.isArray(given) && given.length <= MAX_PREFIXES && given.every(isPrefix)) return [...new Set(given)];
  problems.add(field, `must be a list of at most ${MAX_PREFIXES} prefixes like +39`);
  return undefined;
}

function readSpend(given: unknown, problems: Problems): number | null | undefined {
  if (given == null) return given;
  if (typeof given === 'number' && given >= 0 && given <= MAX_SPEND) return given;
  problems.add('maxSpendPerDay', `must be a number from 0 to ${MAX_SPEND}`);
  return undefined;
}
