import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';
import { type StoredCarrierKind } from './carrier.js';
import { type CarrierTarget, type Codec, type NumberFormat, type SrtpMode } from './sip-carrier.js';

@Entity('carriers')
export class CarrierEntity {
  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'organization_id' })
  organizationId: string;

  @Column('text')
  name: string;

  @Column('text')
  kind: StoredCarrierKind;

  @Column('jsonb')
  targets: CarrierTarget[];

  @Column('text', { nullable: true })
  username: string | null;

  /** Sealed by the `SecretBox` for this row's id. */
  @Column('text', { name: 'sealed_password', nullable: true })
  sealedPassword: string | null;

  @Column('text', { name: 'auth_realm', nullable: true })
  authRealm: string | null;

  @Column('text', { array: true })
  codecs: Codec[];

  @Column('text')
  srtp: SrtpMode;

  @Column('text', { name: 'caller_id_format' })
  callerIdFormat: NumberFormat;

  @Column('text', { name: 'number_format' })
  numberFormat: NumberFormat;

  @Column('text', { name: 'from_domain', nullable: true })
  fromDomain: string | null;

  /** Null: the limit of the settings. 0: no limit. */
  @Column('int', { name: 'calls_per_second', nullable: true })
  callsPerSecond: number | null;

  /** Null: no limit. */
  @Column('int', { name: 'max_channels', nullable: true })
  maxChannels: number | null;

  @Column('boolean')
  registration: boolean;

  @Column('boolean', { name: 'verify_tls' })
  verifyTls: boolean;

  @Column('boolean', { name: 'is_active' })
  isActive: boolean;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt: Date;
}
