import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';
import {
  type AgentConfiguration,
  type AgentTool,
  type CallDirection,
  type EndpointingChoice,
  type FirstSpeaker,
  type InterruptionChoice,
  type MachineChoice,
  type ProviderChoices,
  type SilenceChoice,
} from './agent-configuration.js';

/** The agent of examples in the documentation, which the demo organization really has. */
export const EXAMPLE_AGENT_ID = '01981f2e-9c1a-7b3e-8f7a-000000000001';

@Entity('agents')
export class AgentEntity implements AgentConfiguration {
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

  @Column('text', { name: 'first_speaker' })
  firstSpeaker: FirstSpeaker;

  @Column('text', { nullable: true })
  model: string | null;

  @Column('double precision', { nullable: true })
  temperature: number | null;

  @Column('json', { nullable: true })
  providers: ProviderChoices | null;

  @Column('json', { nullable: true })
  endpointing: EndpointingChoice | null;

  @Column('json', { nullable: true })
  interruption: InterruptionChoice | null;

  @Column('json', { nullable: true })
  silence: SilenceChoice | null;

  @Column('int', { name: 'max_duration_seconds', nullable: true })
  maxDurationSeconds: number | null;

  @Column('text', { name: 'duration_warning', nullable: true })
  durationWarning: string | null;

  @Column('text', { nullable: true })
  apology: string | null;

  /** Their secrets are sealed in the `SecretBox` for this row's id. */
  @Column('json', { nullable: true })
  tools: AgentTool[] | null;

  @Column('uuid', { name: 'knowledge_base_ids', array: true })
  knowledgeBaseIds: string[];

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

  /** Which of `agent_greetings` is played when a call is answered, instead of `firstMessage`. */
  @Column('text', { name: 'greeting_audio_sha256', nullable: true })
  greetingAudioSha256: string | null;

  /** Of what is above: `agent_versions` has it, and all before. */
  @Column('int')
  version: number;

  @Column('boolean', { name: 'is_active' })
  isActive: boolean;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt: Date;
}
