import { ApiProperty } from '@nestjs/swagger';
import { IdField, PhoneNumberField, TextField } from '../lib/platform/index.js';
import { type PhoneNumberEntity } from './phone-number.entity.js';

export class AddPhoneNumberRequest {
  @PhoneNumberField({ description: 'The number, E.164', example: '+14155550123' })
  phoneNumber: string;

  @TextField({ description: 'What the number is for', example: 'Sales', optional: true })
  label?: string | null;

  @IdField({ description: 'The carrier that live calls from it use', example: null, optional: true })
  carrierId?: string | null;
}

/** Only what is given changes; null empties. */
export class UpdatePhoneNumberRequest {
  @TextField({ description: 'What the number is for', example: 'Support', optional: true })
  label?: string | null;

  @IdField({ description: 'The carrier that live calls from it use; null: none', example: null, optional: true })
  carrierId?: string | null;
}

export class PhoneNumberView {
  @ApiProperty({ example: '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10' })
  id: string;

  @ApiProperty({ example: '+14155550123' })
  phoneNumber: string;

  @ApiProperty({ type: String, nullable: true, example: 'Sales' })
  label: string | null;

  @ApiProperty({ type: String, nullable: true, example: null })
  carrierId: string | null;

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  createdAt: Date;
}

export const toPhoneNumberView = ({
  id,
  phoneNumber,
  label,
  carrierId,
  createdAt,
}: PhoneNumberEntity): PhoneNumberView => ({
  id,
  phoneNumber,
  label,
  carrierId,
  createdAt,
});
