import { Column, Entity, PrimaryColumn } from 'typeorm';
import { type CallingHours } from './calling-hours.js';

/** The policy of an organization; one without a row has the defaults. */
@Entity('dialling_policies')
export class DiallingPolicyEntity {
  @PrimaryColumn('uuid', { name: 'organization_id' })
  organizationId: string;

  @Column('text', { name: 'allowed_prefixes', array: true })
  allowedPrefixes: string[];

  @Column('text', { name: 'refused_prefixes', array: true })
  refusedPrefixes: string[];

  @Column('boolean', { name: 'allow_premium' })
  allowPremium: boolean;

  @Column('boolean', { name: 'allow_satellite' })
  allowSatellite: boolean;

  @Column('double precision', { name: 'max_spend_per_day', nullable: true })
  maxSpendPerDay: number | null;

  @Column('int', { name: 'max_calls_per_number_per_day', nullable: true })
  maxCallsPerNumberPerDay: number | null;

  @Column('jsonb', { name: 'calling_hours', nullable: true })
  callingHours: CallingHours | null;

  @Column('boolean', { name: 'allow_unknown_time_zone' })
  allowUnknownTimeZone: boolean;

  @Column('timestamptz', { name: 'updated_at' })
  updatedAt: Date;
}
