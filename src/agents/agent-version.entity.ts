import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';
import { type AgentConfiguration } from './agent-configuration.js';

/** The configuration that a version keeps, with sealed secrets. */
export type VersionedConfiguration = AgentConfiguration & { greetingAudioSha256: string | null };

/** A past or present configuration of an agent. Never changed. */
@Entity('agent_versions')
export class AgentVersionEntity {
  @PrimaryColumn('uuid', { name: 'agent_id' })
  agentId: string;

  @PrimaryColumn('int')
  version: number;

  @Column('uuid', { name: 'organization_id' })
  organizationId: string;

  @Column('json')
  configuration: VersionedConfiguration;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
