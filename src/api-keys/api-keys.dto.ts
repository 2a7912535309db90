import { ApiProperty } from '@nestjs/swagger';
import { ChoiceField, ChoicesField, IntegerField, TextField, TimestampField } from '../lib/platform/index.js';
import { type Environment, ENVIRONMENTS, type Scope, SCOPES } from './api-key.js';
import { type ApiKeyEntity } from './api-key.entity.js';
import { type IssuedKey } from './api-keys.service.js';

export class CreateApiKeyRequest {
  @TextField({ description: 'What the key is for', example: 'CRM integration' })
  name: string;

  @ChoiceField({ description: '`live` keys make real calls', choices: ENVIRONMENTS, example: 'test' })
  environment: Environment;

  @ChoicesField({
    description: 'What the key may do: nothing that the key creating it may not',
    choices: SCOPES,
    example: ['calls:read', 'calls:write'],
  })
  scopes: Scope[];

  @TimestampField({
    description: 'When the key ends by itself',
    example: '2099-12-31T00:00:00Z',
    optional: true,
    isAllowed: (time) => time.getTime() > Date.now(),
    mustBe: 'must be an ISO 8601 time in the future',
  })
  expiresAt?: Date | null;

  @IntegerField({
    description: 'Requests a minute; 0 is no limit. Not more than the key creating it has',
    example: 300,
    min: 0,
    max: 1_000_000_000,
    optional: true,
  })
  rateLimitPerMinute?: number | null;
}

export class RollApiKeyRequest {
  @IntegerField({
    description: 'How long the old key stays good',
    example: 3600,
    min: 0,
    max: 30 * 86_400,
    optional: true,
    default: 0,
  })
  overlapSeconds?: number | null;
}

export class ApiKeyView {
  @ApiProperty({ example: '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10' })
  id: string;

  @ApiProperty({ example: 'CRM integration' })
  name: string;

  @ApiProperty({ enum: ENVIRONMENTS, example: 'test' })
  environment: Environment;

  @ApiProperty({ enum: SCOPES, isArray: true, example: ['calls:read', 'calls:write'] })
  scopes: Scope[];

  @ApiProperty({ description: 'The last characters of the key', example: '9xQ2' })
  ending: string;

  @ApiProperty({ type: 'integer', nullable: true, example: null, description: 'null: the default of the server' })
  rateLimitPerMinute: number | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  expiresAt: Date | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  revokedAt: Date | null;

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  createdAt: Date;
}

export class IssuedApiKeyView extends ApiKeyView {
  @ApiProperty({ description: 'The key itself, shown this once', example: 'rpl_test_…' })
  key: string;
}

export const toApiKeyView = (entity: ApiKeyEntity): ApiKeyView => ({
  id: entity.id,
  name: entity.name,
  environment: entity.environment,
  scopes: entity.scopes,
  ending: entity.ending,
  rateLimitPerMinute: entity.rateLimitPerMinute,
  expiresAt: entity.expiresAt,
  revokedAt: entity.revokedAt,
  createdAt: entity.createdAt,
});

export const toIssuedView = ({ entity, key }: IssuedKey): IssuedApiKeyView => ({ ...toApiKeyView(entity), key });
