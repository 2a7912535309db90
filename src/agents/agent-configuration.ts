export const CALL_DIRECTIONS = ['INBOUND', 'OUTBOUND', 'BOTH'] as const;
/** The calls that an agent is for. */
export type CallDirection = (typeof CALL_DIRECTIONS)[number];

export const MACHINE_CHOICES = ['hang_up', 'leave_message', 'carry_on'] as const;
/** What a machine that answers gets. */
export type MachineChoice = (typeof MACHINE_CHOICES)[number];

/** What an agent is at one moment: what a version of it keeps. */
export interface AgentConfiguration {
  agentName: string;
  agentType: string;
  callDirection: CallDirection;
  /** A template (`{{company}}`), as are the other texts. */
  prompt: string | null;
  firstMessage: string | null;
  firstSpeaker: FirstSpeaker;
  voiceId: string | null;
  /** BCP 47. */
  language: string | null;
  /** The language model by name; null: the one of the provider's settings. */
  model: string | null;
  /** 0 to 2. */
  temperature: number | null;
  /** Null: those of the settings. */
  providers: ProviderChoices | null;
  endpointing: EndpointingChoice | null;
  interruption: InterruptionChoice | null;
  silence: SilenceChoice | null;
  /** From the answer on, seconds; null: the limit of the settings. */
  maxDurationSeconds: number | null;
  /** Said 30 s before that. */
  durationWarning: string | null;
  /** Said before the end when a provider has failed; null: an apology in English. */
  apology: string | null;
  /** Null: `end_call` and `send_dtmf`. */
  tools: AgentTool[] | null;
  knowledgeBaseIds: string[];
  recordCalls: boolean;
  onMachine: MachineChoice;
  voicemailMessage: string | null;
  listenSeconds: number;
  analysisSchema: Record<string, unknown> | null;
}

export const FIRST_SPEAKERS = ['agent', 'customer'] as const;
export type FirstSpeaker = (typeof FIRST_SPEAKERS)[number];

/** Who does a stage: an account of the organization (`/v1/providers`), or the provider of the settings. */
export interface ProviderChoice {
  providerId?: string;
  model?: string;
  voice?: string;
}

export interface ProviderChoices {
  transcription?: ProviderChoice & { fallback?: ProviderChoice };
  model?: ProviderChoice & { fallback?: ProviderChoice };
  speech?: ProviderChoice & { fallback?: ProviderChoice };
  /** One model that hears and speaks, instead of the three. */
  speechToSpeech?: ProviderChoice;
}

export interface EndpointingChoice {
  /** Quiet for so long, and the customer is taken to have finished: 100 to 3,000 ms. */
  silenceMs?: number;
  /** 0 (only loud speech) to 1 (also faint speech, and more noise). */
  sensitivity?: number;
}

export interface InterruptionChoice {
  /** False: the agent always finishes what it says. */
  enabled?: boolean;
  /** The customer interrupts by speaking for so long: 20 to 3,000 ms. */
  afterMs?: number;
}

/** What happens when nobody speaks: `prompt`, up to `times` times, then the end (`inactivity`). */
export interface SilenceChoice {
  /** 1 to 600. */
  afterSeconds?: number;
  prompt?: string;
  /** 0 to 10. */
  times?: number;
  farewell?: string;
}

export const TRANSFER_MODES = ['bridge', 'refer'] as const;
export type TransferMode = (typeof TRANSFER_MODES)[number];

/** What the model may do in a call. */
export type AgentTool = EndCallTool | SendDtmfTool | LeaveVoicemailTool | TransferCallTool | HttpTool;

export interface EndCallTool {
  type: 'end_call';
}

export interface SendDtmfTool {
  type: 'send_dtmf';
}

export interface LeaveVoicemailTool {
  type: 'leave_voicemail';
}

export interface TransferCallTool {
  type: 'transfer_call';
  /** E.164; nobody else is ever dialled. */
  targets: { number: string; description: string }[];
  /** Default `bridge`: we ring the target and stay in between. `refer`: the carrier connects the two. */
  mode?: TransferMode;
  /** How long the target may ring, 5 to 120; default 30. */
  ringSeconds?: number;
}

export const HTTP_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Arguments go as JSON into the body, or into the query with GET and DELETE. */
export interface HttpTool {
  type: 'http';
  /** `^[a-z][a-z0-9_]{0,63}$`, and not the name of another tool. */
  name: string;
  /** For the model: what it does and when to use it. */
  description: string;
  /** A JSON schema of type `object`. */
  parameters?: Record<string, unknown>;
  method?: (typeof HTTP_METHODS)[number];
  url: string;
  headers?: Record<string, string>;
  /** Encrypted at rest, never shown again: answers have `SECRET_SHOWN` instead of the value. */
  secretHeaders?: Record<string, string>;
  /** 500 to 30,000; default 5,000. */
  timeoutMs?: number;
  /** Said while it is waited for. */
  filler?: string;
}

/** What answers show of a secret. Sent back in a change, it keeps the secret that there is. */
export const SECRET_SHOWN = '********';
