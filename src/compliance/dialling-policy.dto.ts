import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { FlagField, IntegerField, JsonObjectField } from '../lib/platform/index.js';
import { type CallingHours } from './calling-hours.js';

const HOURS = { start: '09:00', end: '18:00', days: [1, 2, 3, 4, 5] };
const LIST = { type: String, isArray: true, description: 'Beginnings of E.164 numbers, at most 500' } as const;
export const MAX_PREFIXES = 500;
export const MAX_SPEND = 1_000_000_000;

/** Only what is given changes; null empties the limits and calling hours. */
export class UpdateDiallingPolicyRequest {
  /** Read by `readPolicyChanges`, as the other fields without a field decorator. */
  @ApiPropertyOptional({ ...LIST, description: `${LIST.description}; empty allows all`, example: ['+39', '+1415'] })
  allowedPrefixes?: string[] | null;

  @ApiPropertyOptional({ ...LIST, example: ['+39199'] })
  refusedPrefixes?: string[] | null;

  @FlagField({ description: 'Numbers that cost more than a call', example: false, optional: true })
  allowPremium?: boolean | null;

  @FlagField({ description: '+870, +881, +882 and +883', example: false, optional: true })
  allowSatellite?: boolean | null;

  @ApiPropertyOptional({
    type: 'number',
    minimum: 0,
    maximum: MAX_SPEND,
    nullable: true,
    description: 'No call is dialled once this is spent; null is no limit',
    example: 50,
  })
  maxSpendPerDay?: number | null;

  @IntegerField({
    description: 'Calls to one number a day; null is no limit',
    example: 3,
    min: 1,
    max: 1_000_000,
    optional: true,
  })
  maxCallsPerNumberPerDay?: number | null;

  @JsonObjectField({
    description: 'In the time of whoever is called: start, end (HH:MM) and days, 0 for Sunday; null is at any time',
    example: HOURS,
    optional: true,
  })
  callingHours?: object | null;

  @FlagField({
    description: 'With calling hours: call numbers whose time zone is not known',
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

  @ApiProperty({ type: [Number], example: HOURS.days, description: 'The days on which the hours start; 0 is Sunday' })
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
    description: 'null: all is as it was from the start',
  })
  updatedAt: Date | null;
}
