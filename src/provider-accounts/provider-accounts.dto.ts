import { ApiProperty } from '@nestjs/swagger';
import { ChoiceField, TextField } from '../lib/platform/index.js';
import { PROVIDER_KINDS, type ProviderAccountEntity, type ProviderKind } from './provider-account.entity.js';

const NAME = { description: 'What people call the account', example: 'OpenAI of the sales team' };
const KIND = {
  description: 'API of the provider. Many servers offer the API of OpenAI',
  choices: PROVIDER_KINDS,
  example: 'openai',
};
const BASE_URL = {
  description: 'Where its API is, with version; that of the provider unless given',
  example: 'https://api.openai.com/v1',
  maxLength: 2_000,
  optional: true,
};
const API_KEY = { description: 'Kept encrypted and never returned', maxLength: 500, optional: true };

export class CreateProviderRequest {
  @TextField(NAME)
  name: string;

  @ChoiceField(KIND)
  kind: ProviderKind;

  @TextField(BASE_URL)
  baseUrl?: string | null;

  @TextField(API_KEY)
  apiKey?: string | null;
}

/** Only what is given changes; null empties what may be empty. */
export class UpdateProviderRequest {
  @TextField({ ...NAME, optional: true })
  name?: string | null;

  @ChoiceField({ ...KIND, optional: true })
  kind?: ProviderKind | null;

  @TextField(BASE_URL)
  baseUrl?: string | null;

  @TextField(API_KEY)
  apiKey?: string | null;
}

export class ProviderView {
  @ApiProperty({ example: '01981f2e-9c1a-7b3e-8f7a-3a5f7c1f8f20' })
  id: string;

  @ApiProperty({ example: NAME.example })
  name: string;

  @ApiProperty({ enum: PROVIDER_KINDS, example: KIND.example })
  kind: ProviderKind;

  @ApiProperty({ type: String, nullable: true, example: BASE_URL.example })
  baseUrl: string | null;

  @ApiProperty({ description: 'Whether there is a key; it is never shown', example: true })
  hasApiKey: boolean;

  @ApiProperty({ type: String, nullable: true, description: 'Its last 4 characters, of long keys', example: 'x7Qa' })
  apiKeyEnding: string | null;

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  createdAt: Date;

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  updatedAt: Date;
}

export const toProviderView = (account: ProviderAccountEntity): ProviderView => ({
  id: account.id,
  name: account.name,
  kind: account.kind,
  baseUrl: account.baseUrl,
  hasApiKey: account.sealedApiKey !== null,
  apiKeyEnding: account.apiKeyEnding,
  createdAt: account.createdAt,
  updatedAt: account.updatedAt,
});
