import { ApiProperty } from '@nestjs/swagger';
import { FlagField, IntegerField, NumberField, ObjectField, RuleField } from '../lib/platform/index.js';
import { type CallingHours, HOURS_RULES } from './calling-hours.js';

const HOURS = { start: '09:00', end: '18:00', days: [1, 2, 3, 4, 5] };
export const MAX_PREFIXES = 500;
export const MAX_SPEND = 1_000_000_000;

const PREFIX = /^\+\d{1,15}$/;

function prefixesProblem(prefixes: unknown): string | undefined {
  const isList = Array.isArray(prefixes) && prefixes.length <= MAX_PREFIXES;
  return isList && prefixes.every((prefix) => typeof prefix === 'string' && PREFIX.test(prefix))
    ? undefined
    : `must be a list of at most ${MAX_PREFIXES} prefixes like +39`;
}

const prefixes = (description: string, example: string[]): PropertyDecorator =>
  RuleField({
    description,
    schema: { type: String, isArray: true, maxItems: MAX_PREFIXES },
    problem: prefixesProblem,
    example,
    optional: true,
  });

export class CallingHoursRequest implements CallingHours {
  @RuleField({ description: 'HH:MM', schema: { type: String }, problem: HOURS_RULES.start, example: HOURS.start })
  start: string;

  @RuleField({
    description: 'HH:MM, not included; before start: on the next day',
    schema: { type: String },
    problem: HOURS_RULES.end,
    example: HOURS.end,
  })
  end: string;

  @RuleField({
    description: 'Days on which the hours start; 0 is Sunday',
    schema: { type: Number, isArray: true },
    problem: HOURS_RULES.days,
    example: HOURS.days,
  })
  days: number[];
}

/** Absent fields keep their value; null removes a limit or the calling hours. */
export class UpdateDiallingPolicyRequest {
  @prefixes('Beginnings of E.164 numbers that may be dialled; an empty list allows all', ['+39', '+1415'])
  allowedPrefixes?: string[] | null;

  @prefixes('Beginnings of E.164 numbers that are refused', ['+39199'])
  refusedPrefixes?: string[] | null;

  @FlagField({ description: 'Whether premium-rate numbers may be dialled', example: false, optional: true })
  allowPremium?: boolean | null;

  @FlagField({
    description: 'Whether satellite numbers (+870, +881, +882, +883) may be dialled',
    example: false,
    optional: true,
  })
  allowSatellite?: boolean | null;

  @NumberField({
    description: 'Spend per day after which no call is dialled; null is no limit',
    example: 50,
    min: 0,
    max: MAX_SPEND,
    optional: true,
    nullable: true,
  })
  maxSpendPerDay?: number | null;

  @IntegerField({
    description: 'Calls to one number per day; null is no limit',
    example: 3,
    min: 1,
    max: 1_000_000,
    optional: true,
  })
  maxCallsPerNumberPerDay?: number | null;

  @ObjectField({
    description: 'Hours in which numbers may be dialled, in their local time; null is at any time',
    shape: CallingHoursRequest,
    example: HOURS,
    optional: true,
  })
  callingHours?: CallingHoursRequest | null;

  @FlagField({
    description: 'Whether numbers of an unknown time zone may be dialled while calling hours are set',
    example: false,
    optional: true,
  })
  allowUnknownTimeZone?: boolean | null;
}

export class CallingHoursView {
  @ApiProperty({ example: HOURS.start })
  start: string;

  @ApiProperty({ example: HOURS.end, description: 'Before start: on the next day' })
  end: string;

  @ApiProperty({ type: [Number], example: HOURS.days, description: 'Days on which the hours start; 0 is Sunday' })
  days: readonly number[];
}

export class DiallingPolicyView {
  @ApiProperty({ type: [String], example: ['+39', '+1415'] })
  allowedPrefixes: readonly string[];

  @ApiProperty({ type: [String], example: ['+39199'] })
  refusedPrefixes: readonly string[];

  @ApiProperty({ example: false })
  allowPremium: boolean;

  @ApiProperty({ example: false })
  allowSatellite: boolean;

  @ApiProperty({ type: Number, nullable: true, example: 50 })
  maxSpendPerDay: number | null;

  @ApiProperty({ type: 'integer', nullable: true, example: 3 })
  maxCallsPerNumberPerDay: number | null;

  @ApiProperty({ type: CallingHoursView, nullable: true, example: HOURS })
  callingHours: CallingHours | null;

  @ApiProperty({ example: false })
  allowUnknownTimeZone: boolean;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    example: '2026-04-05T13:59:00.000Z',
    description: 'null: the policy was never changed',
  })
  updatedAt: Date | null;
}
