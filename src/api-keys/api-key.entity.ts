import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';
import { type Environment, type Scope } from './api-key.js';

@Entity('organizations')
export class OrganizationEntity {
  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}

@Entity('api_keys')
export class ApiKeyEntity {
  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'organization_id' })
  organizationId: string;

  @Column('text')
  name: string;

  @Column('text')
  environment: Environment;

  @Column('text', { array: true })
  scopes: Scope[];

  /** SHA-256 of the key. */
  @Column('bytea', { select: false })
  hash: Buffer;

  /** The last four characters of the key. */
  @Column('text')
  ending: string;

  /** Null: the setting counts. 0: no limit. */
  @Column('int', { name: 'rate_limit_per_minute', nullable: true })
  rateLimitPerMinute: number | null;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
