import { ApiProperty } from '@nestjs/swagger';
import { PageQuery, PhoneNumberField, TextField, TimestampField } from '../lib/platform/index.js';
import { type SuppressionEntity } from './suppression.entity.js';

export class AddSuppressionRequest {
  @PhoneNumberField({ description: 'The number not to call, E.164', example: '+14155550188' })
  phoneNumber: string;

  @TextField({ description: 'Reason', example: 'Asked not to be called', maxLength: 500, optional: true })
  reason?: string | null;

  @TimestampField({
    description: 'End of the suppression; without it, it does not expire',
    example: '2099-12-31T00:00:00Z',
    optional: true,
    isAllowed: (time) => time.getTime() > Date.now(),
    mustBe: 'must be an ISO 8601 time in the future',
  })
  expiresAt?: Date | null;
}

export class SuppressionsQuery extends PageQuery {
  @PhoneNumberField({ description: 'Only this number, with its + written as %2B', optional: true })
  phoneNumber?: string | null;
}

export class SuppressionView {
  @ApiProperty({ example: '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10' })
  id: string;

  @ApiProperty({ example: '+14155550188' })
  phoneNumber: string;

  @ApiProperty({ type: String, nullable: true, example: 'Asked not to be called' })
  reason: string | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    example: null,
    description: 'null: does not expire; past: the number may be called again',
  })
  expiresAt: Date | null;

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  createdAt: Date;

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  updatedAt: Date;
}

export const toSuppressionView = (suppression: SuppressionEntity): SuppressionView => {
  const { id, phoneNumber, reason, expiresAt, createdAt, updatedAt } = suppression;
  return { id, phoneNumber, reason, expiresAt, createdAt, updatedAt };
};
