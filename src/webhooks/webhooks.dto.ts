import { ApiProperty } from '@nestjs/swagger';
import { type Environment, ENVIRONMENTS } from '../api-keys/index.js';
import { ChoicesField, FlagField, IntegerField, TextField } from '../lib/platform/index.js';
import { DEFAULT_EVENTS, WEBHOOK_EVENTS, type WebhookEvent } from './webhook-events.js';
import { DISABLED_REASONS, type DisabledReason, type WebhookEntity } from './webhook.entity.js';

const EXAMPLE_ID = '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10';
const EXAMPLE_TIME = '2026-04-05T13:59:00.000Z';
const ADDRESS = {
  description: 'https; in development http as well',
  example: 'https://example.com/hook',
  maxLength: 2048,
};

/** The most seconds that an old secret may stay good. */
const MAX_OVERLAP = 7 * 86_400;
export const DEFAULT_OVERLAP = 86_400;

class WebhookSettings {
  @ChoicesField({
    description: 'Events the webhook receives',
    choices: WEBHOOK_EVENTS,
    example: DEFAULT_EVENTS,
    optional: true,
    default: DEFAULT_EVENTS,
  })
  events?: WebhookEvent[] | null;

  @TextField({ description: 'For people', example: 'CRM', maxLength: 500, minLength: 0, optional: true })
  description?: string | null;

  @FlagField({ description: 'Whether the webhook receives events', example: true, optional: true, default: true })
  isActive?: boolean | null;
}

export class CreateWebhookRequest extends WebhookSettings {
  @TextField(ADDRESS)
  url: string;
}

/** Only what is given changes. */
export class UpdateWebhookRequest extends WebhookSettings {
  @TextField({ ...ADDRESS, optional: true })
  url?: string | null;
}

export class RotateWebhookSecretRequest {
  @IntegerField({
    description: 'Seconds for which deliveries are signed with the old secret as well',
    min: 0,
    max: MAX_OVERLAP,
    optional: true,
    default: DEFAULT_OVERLAP,
    example: DEFAULT_OVERLAP,
  })
  overlapSeconds?: number | null;
}

export class WebhookView {
  @ApiProperty({ example: EXAMPLE_ID })
  id: string;

  @ApiProperty({ example: ADDRESS.example })
  url: string;

  @ApiProperty({ enum: WEBHOOK_EVENTS, isArray: true, example: DEFAULT_EVENTS })
  events: WebhookEvent[];

  @ApiProperty({ type: String, nullable: true, example: 'CRM' })
  description: string | null;

  @ApiProperty({ example: true })
  isActive: boolean;

  @ApiProperty({
    enum: ENVIRONMENTS,
    description: 'Environment of the calls whose events the webhook receives',
    example: 'live',
  })
  environment: Environment;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Since when no delivery has succeeded',
    example: null,
  })
  failingSince: Date | null;

  @ApiProperty({
    type: String,
    enum: DISABLED_REASONS,
    nullable: true,
    description: 'Why the server itself has switched it off: it answered 410, or failed for 5 days',
    example: null,
  })
  disabledReason: DisabledReason | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  disabledAt: Date | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Until when the secret before the last rotation signs as well',
    example: null,
  })
  oldSecretUntil: Date | null;

  @ApiProperty({ format: 'date-time', example: EXAMPLE_TIME })
  createdAt: Date;

  @ApiProperty({ format: 'date-time', example: EXAMPLE_TIME })
  updatedAt: Date;
}

export class WebhookWithSecretView extends WebhookView {
  @ApiProperty({
    description: 'What deliveries are signed with. Shown this once',
    example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=',
  })
  secret: string;
}

export function toWebhookView(webhook: WebhookEntity): WebhookView {
  const { id, url, events, description, isActive, environment, failingSince, createdAt, updatedAt } = webhook;
  const { disabledReason, disabledAt, oldSecretUntil } = webhook;
  return {
    ...{ id, url, events, description, isActive, environment, failingSince },
    ...{ disabledReason, disabledAt, oldSecretUntil, createdAt, updatedAt },
  };
}
