import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

@Entity('suppressions')
export class SuppressionEntity {
  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'organization_id' })
  organizationId: string;

  @Column('text', { name: 'phone_number' })
  phoneNumber: string;

  /** The number as the numbering plans write it: every spelling of it is suppressed. */
  @Column('text', { name: 'canonical_number' })
  canonicalNumber: string;

  @Column('text', { nullable: true })
  reason: string | null;

  /** Null: does not expire. */
  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt: Date;
}
