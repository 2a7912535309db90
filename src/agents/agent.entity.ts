import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';
import { AgentConfiguration } from './agent-configuration.js';

/** The agent in the examples of the documentation; the demo organization has it. */
export const EXAMPLE_AGENT_ID = '01981f2e-9c1a-7b3e-8f7a-000000000001';

/** Secrets in `tools` are sealed in the `SecretBox` for the row's id. */
@Entity('agents')
export class AgentEntity extends AgentConfiguration {
  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'organization_id' })
  organizationId: string;

  /** The row of `agent_greetings` that plays when a call is answered, instead of `firstMessage`. */
  @Column('text', { name: 'greeting_audio_sha256', nullable: true })
  greetingAudioSha256: string | null;

  /** The present version; `agent_versions` has it and all before. */
  @Column('int')
  version: number;

  @Column('boolean', { name: 'is_active' })
  isActive: boolean;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt: Date;
}
