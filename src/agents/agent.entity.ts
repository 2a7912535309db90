import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

export const CALL_DIRECTIONS = ['INBOUND', 'OUTBOUND', 'BOTH'] as const;
/** The calls that an agent is for. */
export type CallDirection = (typeof CALL_DIRECTIONS)[number];

export const MACHINE_CHOICES = ['hang_up', 'leave_message', 'carry_on'] as const;
/** What a machine that answers gets. */
export type MachineChoice = (typeof MACHINE_CHOICES)[number];

/** The agent of examples in the documentation, which the demo organization really has. */
export const EXAMPLE_AGENT_ID = '01981f2e-9c1a-7b3e-8f7a-000000000001';

@Entity('agents')
export class AgentEntity {
  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'organization_id' })
  organizationId: string;

  @Column('text', { name: 'agent_name' })
  agentName: string;

  @Column('text', { name: 'agent_type' })
  agentType: string;

  @Column('text', { name: 'call_direction' })
  callDirection: CallDirection;

  @Column('text', { name: 'voice_id', nullable: true })
  voiceId: string | null;

  @Column('text', { nullable: true })
  language: string | null;

  @Column('text', { nullable: true })
  prompt: string | null;

  @Column('text', { name: 'first_message', nullable: true })
  firstMessage: string | null;

  @Column('boolean', { name: 'record_calls' })
  recordCalls: boolean;

  @Column('text', { name: 'on_machine' })
  onMachine: MachineChoice;

  @Column('text', { name: 'voicemail_message', nullable: true })
  voicemailMessage: string | null;

  @Column('int', { name: 'listen_seconds' })
  listenSeconds: number;

  /** What is to be found out from each of its calls: a JSON schema. */
  @Column('json', { name: 'analysis_schema', nullable: true })
  analysisSchema: Record<string, unknown> | null;

  @Column('boolean', { name: 'is_active' })
  isActive: boolean;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt: Date;
}
