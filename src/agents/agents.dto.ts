import {
  ChoiceField,
  FlagField,
  IntegerField,
  JsonListField,
  JsonObjectField,
  NumberField,
  TextField,
} from '../lib/platform/index.js';
import {
  type AgentTool,
  type CallDirection,
  type EndpointingChoice,
  type FirstSpeaker,
  type InterruptionChoice,
  type MachineChoice,
  type ProviderChoices,
  type SilenceChoice,
} from './agent-configuration.js';
import * as FIELD from './agent-fields.js';

/** What an agent can be told, new or later. */
class AgentSettings {
  @TextField(FIELD.TYPE)
  agentType?: string | null;

  @ChoiceField(FIELD.DIRECTION)
  callDirection?: CallDirection | null;

  @TextField(FIELD.VOICE)
  voiceId?: string | null;

  @TextField(FIELD.LANGUAGE)
  language?: string | null;

  @TextField(FIELD.PROMPT)
  prompt?: string | null;

  @TextField(FIELD.FIRST_MESSAGE)
  firstMessage?: string | null;

  @ChoiceField(FIELD.FIRST_SPEAKER)
  firstSpeaker?: FirstSpeaker | null;

  @TextField(FIELD.MODEL)
  model?: string | null;

  @NumberField(FIELD.TEMPERATURE)
  temperature?: number | null;

  @JsonObjectField(FIELD.PROVIDERS)
  providers?: ProviderChoices | null;

  @JsonObjectField(FIELD.ENDPOINTING)
  endpointing?: EndpointingChoice | null;

  @JsonObjectField(FIELD.INTERRUPTION)
  interruption?: InterruptionChoice | null;

  @JsonObjectField(FIELD.SILENCE)
  silence?: SilenceChoice | null;

  @IntegerField(FIELD.MAX_DURATION)
  maxDurationSeconds?: number | null;

  @TextField(FIELD.DURATION_WARNING)
  durationWarning?: string | null;

  @TextField(FIELD.APOLOGY)
  apology?: string | null;

  @JsonListField(FIELD.TOOLS)
  tools?: AgentTool[] | null;

  @JsonListField(FIELD.KNOWLEDGE_BASES)
  knowledgeBaseIds?: string[] | null;

  @FlagField(FIELD.RECORD)
  recordCalls?: boolean | null;

  @ChoiceField(FIELD.ON_MACHINE)
  onMachine?: MachineChoice | null;

  @TextField(FIELD.VOICEMAIL)
  voicemailMessage?: string | null;

  @IntegerField(FIELD.LISTEN)
  listenSeconds?: number | null;

  @JsonObjectField(FIELD.ANALYSIS_SCHEMA)
  analysisSchema?: Record<string, unknown> | null;
}

/** What is not given is as `DEFAULTS` of `agent-changes.ts` has it. */
export class CreateAgentRequest extends AgentSettings {
  @TextField(FIELD.NAME)
  agentName: string;
}

/** Only what is given changes; null empties what may be empty. */
export class UpdateAgentRequest extends AgentSettings {
  @TextField({ ...FIELD.NAME, optional: true })
  agentName?: string | null;

  @FlagField({ description: 'true makes a deactivated agent usable again', example: true, optional: true })
  isActive?: boolean | null;
}
