import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

@Entity('phone_numbers')
export class PhoneNumberEntity {
  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'organization_id' })
  organizationId: string;

  @Column('text', { name: 'phone_number' })
  phoneNumber: string;

  @Column('text', { nullable: true })
  label: string | null;

  @Column('uuid', { name: 'carrier_id', nullable: true })
  carrierId: string | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
