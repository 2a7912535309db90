import { Column } from 'typeorm';
import {
  ChoiceField,
  FlagField,
  IntegerField,
  NumberField,
  ObjectField,
  RuleField,
  schemaProblem,
  TextField,
  UnionListField,
} from '../lib/platform/index.js';
import { AgentField } from './agent-field.js';
import {
  EndpointingChoice,
  InterruptionChoice,
  ProviderChoices,
  SilenceChoice,
  SPOKEN_CHARACTERS,
} from './agent-settings.js';
import { type AgentTool, TOOL_SHAPES, UnknownTool } from './agent-tools.js';

// Importers get the list with every field of the class below in it.
export { AGENT_FIELDS } from './agent-field.js';

export const CALL_DIRECTIONS = ['INBOUND', 'OUTBOUND', 'BOTH'] as const;
/** The calls that an agent is for. */
export type CallDirection = (typeof CALL_DIRECTIONS)[number];

export const MACHINE_CHOICES = ['hang_up', 'leave_message', 'carry_on'] as const;
/** What the agent does when a machine answers. */
export type MachineChoice = (typeof MACHINE_CHOICES)[number];

export const FIRST_SPEAKERS = ['agent', 'customer'] as const;
export type FirstSpeaker = (typeof FIRST_SPEAKERS)[number];

const TEMPLATE = 'A Mustache template: variables and sections, no partials';
const MAX_TOOLS = 20;
const MAX_TOOL_BYTES = 50_000;
const MAX_KNOWLEDGE_BASES = 10;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function knowledgeBasesProblem(ids: unknown): string | undefined {
  if (!Array.isArray(ids) || ids.length > MAX_KNOWLEDGE_BASES) return `must be a list of 0 to ${MAX_KNOWLEDGE_BASES}`;
  const wrong = ids.findIndex((id) => typeof id !== 'string' || !UUID.test(id));
  return wrong === -1 ? undefined : `[${wrong}] must be the id of a knowledge base`;
}

const TOOL_EXAMPLES = [
  { type: 'end_call' },
  {
    type: 'transfer_call',
    targets: [{ number: '+14155550123', description: 'Sales, for customers who want an offer' }],
    mode: 'bridge',
    ringSeconds: 30,
  },
  {
    type: 'http',
    name: 'find_order',
    description: 'Finds an order by its number',
    parameters: { type: 'object', properties: { number: { type: 'string' } }, required: ['number'] },
    method: 'GET',
    url: 'https://shop.example.com/orders',
    timeoutMs: 5_000,
    filler: 'One moment, I am looking it up.',
  },
];

/** An optional text of an agent. */
const Text = (description: string, example: string, maxLength?: number): PropertyDecorator =>
  AgentField(TextField({ description, example, optional: true, ...(maxLength ? { maxLength } : {}) }), {
    column: 'text',
    default: null,
  });

/**
 * What an agent is at one moment, and what a version of it keeps. A new field is declared here, and in a migration that
 * adds its column; requests, answers, versions and the table follow.
 */
export class AgentConfiguration {
  @Column('text', { name: 'agent_name' })
  agentName: string;

  @AgentField(
    TextField({ description: 'Your own word for the kind of agent; default VOICE', example: 'VOICE', optional: true }),
    {
      column: 'text',
      default: 'VOICE',
    },
  )
  agentType: string;

  @AgentField(
    ChoiceField({
      description: 'The calls that the agent is for; default OUTBOUND',
      choices: CALL_DIRECTIONS,
      example: 'OUTBOUND',
      optional: true,
    }),
    { column: 'text', default: 'OUTBOUND' },
  )
  callDirection: CallDirection;

  @Text(
    `Role and goal of the agent. ${TEMPLATE}`,
    'You are a friendly assistant of {{company}}. You call about: {{purpose}}.',
    50_000,
  )
  prompt: string | null;

  @Text(
    `Spoken when the call is answered. ${TEMPLATE}`,
    'Hello {{customerName}}, this is Acme Corp.',
    SPOKEN_CHARACTERS,
  )
  firstMessage: string | null;

  @AgentField(
    ChoiceField({
      description: 'First speaker: the agent with its firstMessage, or the customer; default agent',
      choices: FIRST_SPEAKERS,
      example: 'agent',
      optional: true,
    }),
    { column: 'text', default: 'agent' },
  )
  firstSpeaker: FirstSpeaker;

  @Text('Voice of the agent', 'en-US-calm')
  voiceId: string | null;

  @Text('Language that the agent speaks, a BCP 47 tag', 'en-US', 35)
  language: string | null;

  @Text('Language model by name; default: the model of the settings', 'gpt-4.1-mini')
  model: string | null;

  @AgentField(
    NumberField({ description: 'Randomness of the language model', example: 0.4, min: 0, max: 2, optional: true }),
    {
      column: 'double precision',
      default: null,
    },
  )
  temperature: number | null;

  @AgentField(
    ObjectField({
      description:
        'Providers of the stages `transcription`, `model` and `speech`, or `speechToSpeech` instead of all three; default: those of the settings',
      example: { model: { model: 'gpt-4.1-mini', fallback: { model: 'gpt-4.1-nano' } }, speech: { voice: 'alloy' } },
      shape: ProviderChoices,
      optional: true,
    }),
    { column: 'json', default: null },
  )
  providers: ProviderChoices | null;

  @AgentField(
    ObjectField({
      description: 'When the customer counts as finished',
      example: { silenceMs: 700, sensitivity: 0.5 },
      shape: EndpointingChoice,
      optional: true,
    }),
    { column: 'json', default: null },
  )
  endpointing: EndpointingChoice | null;

  @AgentField(
    ObjectField({
      description: 'Whether and when the customer interrupts the agent',
      example: { enabled: true, afterMs: 300 },
      shape: InterruptionChoice,
      optional: true,
    }),
    { column: 'json', default: null },
  )
  interruption: InterruptionChoice | null;

  @AgentField(
    ObjectField({
      description: 'Reaction of the agent to silence',
      example: { afterSeconds: 10, prompt: 'Are you still there?', times: 2, farewell: 'I will call again. Goodbye.' },
      shape: SilenceChoice,
      optional: true,
    }),
    { column: 'json', default: null },
  )
  silence: SilenceChoice | null;

  @AgentField(
    IntegerField({
      description: 'Longest duration of a call from the answer on, seconds; default: the limit of the settings',
      example: 600,
      min: 1,
      max: 86_400,
      optional: true,
    }),
    { column: 'int', default: null },
  )
  maxDurationSeconds: number | null;

  @Text(`Spoken 30 seconds before the longest duration. ${TEMPLATE}`, 'We have half a minute left.', SPOKEN_CHARACTERS)
  durationWarning: string | null;

  @Text(
    `Spoken before the end when a provider has failed; default: an English apology that promises to call back. Keep it short: it is synthesized before every call. ${TEMPLATE}`,
    'I am sorry, something is wrong here. We will call you back. Goodbye.',
    500,
  )
  apology: string | null;

  @AgentField(
    UnionListField({
      description: 'What the language model may do in a call; default `end_call` and `send_dtmf`',
      shapes: TOOL_SHAPES,
      other: UnknownTool,
      min: 0,
      max: MAX_TOOLS,
      maxBytes: MAX_TOOL_BYTES,
      example: TOOL_EXAMPLES,
      optional: true,
    }),
    { column: 'json', default: null },
  )
  tools: AgentTool[] | null;

  @AgentField(
    RuleField({
      description: 'Knowledge bases that the agent searches, at most 10',
      schema: { type: 'array', items: { type: 'string' }, maxItems: MAX_KNOWLEDGE_BASES },
      problem: knowledgeBasesProblem,
      example: [],
      optional: true,
    }),
    { column: 'uuid', array: true, default: [] },
  )
  knowledgeBaseIds: string[];

  @AgentField(
    FlagField({ description: 'Whether its live calls are recorded; default true', example: true, optional: true }),
    {
      column: 'boolean',
      default: true,
    },
  )
  recordCalls: boolean;

  @AgentField(
    ChoiceField({
      description:
        'What the agent does when a machine answers a live call: `hang_up`; `leave_message`, after the beep or when the machine stops speaking; or `carry_on`: treat it like a person (default)',
      choices: MACHINE_CHOICES,
      example: 'leave_message',
      optional: true,
    }),
    { column: 'text', default: 'carry_on' },
  )
  onMachine: MachineChoice;

  @Text(
    `Message for a machine; default: firstMessage. ${TEMPLATE}`,
    'Hello {{customerName}}, please call us back.',
    SPOKEN_CHARACTERS,
  )
  voicemailMessage: string | null;

  @AgentField(
    IntegerField({
      description: 'How long an announcement listens before it hangs up a live call, seconds; default 30',
      example: 30,
      min: 0,
      max: 3_600,
      optional: true,
    }),
    { column: 'int', default: 30 },
  )
  listenSeconds: number;

  @AgentField(
    RuleField({
      description:
        'What the analysis extracts from each ended call: a JSON schema of type `object`, up to 10,000 characters, with `type`, `properties`, `required`, `items`, `enum`, `minimum`, `maximum`, `maxLength`, `maxItems` and descriptions. Needs a language model in the settings',
      schema: { type: 'object', additionalProperties: true },
      problem: (schema) =>
        typeof schema === 'object' && !Array.isArray(schema) ? schemaProblem(schema) : 'must be an object',
      example: {
        type: 'object',
        properties: { appointment: { type: ['string', 'null'], description: 'The time that was agreed on, HH:MM' } },
        required: ['appointment'],
      },
      optional: true,
    }),
    { column: 'json', default: null },
  )
  analysisSchema: Record<string, unknown> | null;
}
