import { CALL_DIRECTIONS, FIRST_SPEAKERS, MACHINE_CHOICES, SECRET_SHOWN } from './agent-configuration.js';
import { SPOKEN_CHARACTERS } from './agent-settings-check.js';

/** The fields of an agent, as its requests and its views document them. */

const TEMPLATE = 'A Mustache template: variables and sections, no partials';

export const NAME = { description: 'What people call the agent', example: 'Follow-up agent' };
export const TYPE = {
  description: 'Your own word for the kind of agent; VOICE at first',
  example: 'VOICE',
  optional: true,
};
export const DIRECTION = {
  description: 'The calls that the agent is for; OUTBOUND at first',
  choices: CALL_DIRECTIONS,
  example: 'OUTBOUND',
  optional: true,
};
export const VOICE = { description: 'The voice that it speaks with', example: 'en-US-calm', optional: true };
export const LANGUAGE = {
  description: 'The language that it speaks, as a BCP 47 tag',
  example: 'en-US',
  maxLength: 35,
  optional: true,
};
export const PROMPT = {
  description: `Who the agent is and what it is to achieve. ${TEMPLATE}`,
  example: 'You are a friendly assistant of {{company}}. You call about: {{purpose}}.',
  maxLength: 50_000,
  optional: true,
};
export const FIRST_MESSAGE = {
  description: `What it says when the call is answered. ${TEMPLATE}`,
  example: 'Hello {{customerName}}, this is Acme Corp.',
  maxLength: SPOKEN_CHARACTERS,
  optional: true,
};
export const RECORD = {
  description: 'Whether its live calls are recorded; they are at first',
  example: true,
  optional: true,
};
export const ON_MACHINE = {
  description:
    'What a machine that answers a live call gets: `hang_up`; `leave_message`, after its beep or when it has stopped ' +
    'speaking; or `carry_on`, as with a person, which it is at first',
  choices: MACHINE_CHOICES,
  example: 'leave_message',
  optional: true,
};
export const VOICEMAIL = {
  description: `What is left with a machine; what it says to a person when this is empty. ${TEMPLATE}`,
  example: 'Hello {{customerName}}, please call us back.',
  maxLength: SPOKEN_CHARACTERS,
  optional: true,
};
export const LISTEN = {
  description: 'How long it listens after it has spoken, in seconds, before it hangs up a live call; 30 at first',
  example: 30,
  min: 0,
  max: 3_600,
  optional: true,
};

export const ANALYSIS_SCHEMA = {
  description:
    'What to find out from each call once it is over, for its `analysis`: a JSON schema of type `object`, up to 10,000 ' +
    'characters, with `type`, `properties`, `required`, `items`, `enum`, `minimum`, `maximum`, `maxLength`, `maxItems` ' +
    'and descriptions. Needs a language model in the settings',
  example: {
    type: 'object',
    properties: { appointment: { type: ['string', 'null'], description: 'The time that was agreed on, HH:MM' } },
    required: ['appointment'],
  },
  optional: true,
};

export const FIRST_SPEAKER = {
  description: 'Who speaks first: the agent says its firstMessage, or waits for the customer; the agent at first',
  choices: FIRST_SPEAKERS,
  example: 'agent',
  optional: true,
};
export const MODEL = {
  description: 'The language model by name; that of the settings unless given',
  example: 'gpt-4.1-mini',
  optional: true,
};
export const TEMPERATURE = {
  description: 'How freely the language model chooses its words',
  example: 0.4,
  min: 0,
  max: 2,
  optional: true,
};
export const PROVIDERS = {
  description:
    'Who hears (`transcription`), thinks (`model`) and speaks (`speech`), or one model for all three ' +
    '(`speechToSpeech`). Each may have `providerId` (an account of `/v1/providers`; else those of the settings), ' +
    '`model`, `voice` and, except the last, a `fallback` of the same three for when it fails',
  example: {
    model: { model: 'gpt-4.1-mini', fallback: { model: 'gpt-4.1-nano' } },
    speech: { voice: 'alloy' },
  },
  optional: true,
};
export const ENDPOINTING = {
  description:
    'When the customer is taken to have finished: after `silenceMs` of quiet (100 to 3000); `sensitivity` from 0 (only ' +
    'loud speech counts) to 1 (also faint speech, and more noise)',
  example: { silenceMs: 700, sensitivity: 0.5 },
  optional: true,
};
export const INTERRUPTION = {
  description:
    'Whether the customer may interrupt (`enabled`), and by speaking for how long: `afterMs`, 20 to 3000 milliseconds',
  example: { enabled: true, afterMs: 300 },
  optional: true,
};
export const SILENCE = {
  description:
    'What happens when nobody speaks for `afterSeconds` (1 to 600): `prompt` is said, up to `times` times (0 to 10), ' +
    'then `farewell`, and the call ends. The two are Mustache templates',
  example: { afterSeconds: 10, prompt: 'Are you still there?', times: 2, farewell: 'I will call again. Goodbye.' },
  optional: true,
};
export const MAX_DURATION = {
  description: 'How long a call may last from the answer on, in seconds; the limit of the settings unless given',
  example: 600,
  min: 1,
  max: 86_400,
  optional: true,
};
export const DURATION_WARNING = {
  description: `What is said 30 seconds before that. ${TEMPLATE}`,
  example: 'We have half a minute left.',
  maxLength: SPOKEN_CHARACTERS,
  optional: true,
};
export const APOLOGY = {
  description:
    'What is said before the end when a provider has failed; an English apology that promises to call back unless given. ' +
    `Keep it short: it is said beforehand for every call. ${TEMPLATE}`,
  example: 'I am sorry, something is wrong here. We will call you back. Goodbye.',
  maxLength: 500,
  optional: true,
};
export const TOOLS = {
  description:
    'What the language model may do in a call, at most 20; `end_call` and `send_dtmf` unless given. By `type`: ' +
    '`end_call`, `send_dtmf`, `leave_voicemail`; `transfer_call` with `targets` (1 to 20 of `number`, `description`; ' +
    'nobody else is dialled), `mode` (`bridge` or `refer`) and `ringSeconds` (5 to 120); `http` with `name`, ' +
    '`description`, `url`, and maybe `parameters` (a JSON schema as in analysisSchema), `method`, `headers`, ' +
    '`secretHeaders`, `timeoutMs` (500 to 30000) and `filler`, which is said meanwhile. Values of `secretHeaders` are ' +
    `kept encrypted and never returned: \`${SECRET_SHOWN}\` stands for each, and sent back in a change keeps it, as ` +
    'long as the url stays on the same server',
  items: { type: 'object', additionalProperties: true },
  example: [
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
  ],
  optional: true,
};
export const KNOWLEDGE_BASES = {
  description: 'The knowledge bases that it may look things up in, at most 10',
  items: { type: 'string' },
  example: [],
  optional: true,
};
export const GREETING_SHA256 = {
  type: String,
  nullable: true,
  description: 'Of its greeting audio, as PCM16 at 8 kHz; null without',
  example: null,
};
