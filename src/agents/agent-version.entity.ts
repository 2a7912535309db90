import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';
import { type AgentConfiguration } from './agent-configuration.js';

/** What a version keeps: secrets of tools are sealed. */
export type VersionedConfiguration = AgentConfiguration & { greetingAudioSha256: string | null };

/** An agent as it was. Never changed. */
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
