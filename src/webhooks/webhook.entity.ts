import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';
import { type Environment } from '../api-keys/index.js';
import { type WebhookEvent } from './webhook-events.js';

/** Why the server itself stopped telling an endpoint: it answered 410, or nothing has succeeded for days. */
export const DISABLED_REASONS = ['gone', 'failing'] as const;
export type DisabledReason = (typeof DISABLED_REASONS)[number];

@Entity('webhook_endpoints')
export class WebhookEntity {
  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'organization_id' })
  organizationId: string;

  @Column('text')
  environment: Environment;

  @Column('text')
  url: string;

  @Column('text', { nullable: true })
  description: string | null;

  @Column('text', { array: true })
  events: WebhookEvent[];

  @Column('boolean', { name: 'is_active' })
  isActive: boolean;

  /** Sealed in the `SecretBox` for this row's id. */
  @Column('text', { name: 'sealed_secret' })
  sealedSecret: string;

  @Column('text', { name: 'sealed_old_secret', nullable: true })
  sealedOldSecret: string | null;

  @Column('timestamptz', { name: 'old_secret_until', nullable: true })
  oldSecretUntil: Date | null;

  @Column('timestamptz', { name: 'failing_since', nullable: true })
  failingSince: Date | null;

  @Column('text', { name: 'disabled_reason', nullable: true })
  disabledReason: DisabledReason | null;

  @Column('timestamptz', { name: 'disabled_at', nullable: true })
  disabledAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt: Date;
}
