import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

export const PROVIDER_KINDS = ['openai', 'deepgram'] as const;
/** API of the provider. */
export type ProviderKind = (typeof PROVIDER_KINDS)[number];

/** An account of an organization at a provider of speech or language. */
@Entity('provider_accounts')
export class ProviderAccountEntity {
  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'organization_id' })
  organizationId: string;

  @Column('text')
  name: string;

  @Column('text')
  kind: ProviderKind;

  /** Null: that of the provider. */
  @Column('text', { name: 'base_url', nullable: true })
  baseUrl: string | null;

  /** Sealed in the `SecretBox` for this row's id. */
  @Column('text', { name: 'sealed_api_key', nullable: true })
  sealedApiKey: string | null;

  @Column('text', { name: 'api_key_ending', nullable: true })
  apiKeyEnding: string | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt: Date;
}
