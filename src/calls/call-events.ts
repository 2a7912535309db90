/** The facts of a call's life. The same words name them in the table, the timeline, the stream and the webhooks. */

export type Environment = 'live' | 'test';
export type Direction = 'INBOUND' | 'OUTBOUND';

/** Why a call ended (design.md, "Reasons"). */
export const DISCONNECTION_REASONS = [
  'user_hangup',
  'agent_hangup',
  'manual_stopped',
  'call_transfer',
  'voicemail_reached',
  'inactivity',
  'max_duration_reached',
  'dial_busy',
  'dial_no_answer',
  'user_declined',
  'invalid_destination',
  'dial_failed',
  'telephony_provider_permission_denied',
  'telephony_provider_unavailable',
  'carrier_blocked',
  'concurrency_limit_reached',
  'cancelled',
  'error_no_audio_received',
  'error_speech_provider',
  'error_llm_provider',
  'error_media_lost',
  'error_unknown_outcome',
] as const;
export type DisconnectionReason = (typeof DISCONNECTION_REASONS)[number];

/** The last word on a call, for people and for whoever decides about calling again. */
export interface Outcome {
  sipCode: number | null;
  /** Who made it end: the person called, us (agent or operator), or the carrier. */
  responsible: 'customer' | 'agent' | 'operator' | 'carrier' | 'system';
  /** Whether another attempt may be worth making. */
  retryable: boolean;
  detail: string | null;
}

/** Who answered, and from what that was concluded. */
export interface AnsweredBy {
  by: 'human' | 'machine' | 'unknown';
  /** e.g. `short_greeting`, `long_greeting`, `beep`, `no_speech`. */
  reason: string;
}

/** With whom the customer was connected, and how: by a second call of ours, or by the far end itself. */
export interface Transfer {
  /** E.164. */
  to: string;
  mode: 'bridge' | 'refer';
}

/** How good the line was: losses in percent, times in milliseconds, MOS from 1 to 4.5. */
export interface LineQuality {
  packetsSent: number;
  packetsReceived: number;
  packetsLost: number;
  lossPercent: number;
  jitterMs: number;
  remoteLossPercent: number | null;
  roundTripMs: number | null;
  mos: number;
}

export const SENTIMENTS = ['positive', 'neutral', 'negative'] as const;
export type Sentiment = (typeof SENTIMENTS)[number];

/** What a language model makes of a call that is over. */
export interface Assessment {
  summary: string;
  /** Of the person called. */
  sentiment: Sentiment | null;
  /** Whether it did what the agent was to do. */
  callSuccessful: boolean | null;
  /** The fields of the agent's `analysisSchema`. */
  analysis: Record<string, unknown> | null;
}

/** What a call has used, by stage; what was not counted is absent. */
export interface CallUsage {
  telephony?: { minutes: number } | undefined;
  transcription?: { seconds: number } | undefined;
  /** Null: it was used, and nobody counted. */
  model?: TokenUsage | null | undefined;
  speech?: { characters: number } | undefined;
  /** By the assessment of the call. */
  analysis?: TokenUsage | null | undefined;
}

export interface TokenUsage {
  inputTokens: number;
  outputTokens: number;
}

/** What a call has cost. Null: nothing was counted, or its rate is not known. */
export interface CallCosts {
  /** Of all that was used; null when a part of it is not known. */
  total: number | null;
  /** As the settings name it, e.g. `USD`. */
  currency: string | null;
  telephony: number | null;
  transcription: number | null;
  model: number | null;
  speech: number | null;
  analysis: number | null;
}

/** What the dialling policy says of a call, before it is dialled. */
export interface Screening {
  allowed: boolean;
  /** The rule that refused it. */
  rule: string | null;
  /** In words. */
  detail: string;
}

/** A tool that the model has used. */
export interface ToolUse {
  name: string;
  /** As parsed, or as the model wrote them when they are no JSON object. */
  arguments: Record<string, unknown> | string;
  /** What the model was told; null when it failed. Long ones are cut. */
  result: string | null;
  error: string | null;
  durationMs: number;
}

/** Somebody who hears, thinks or speaks could not. */
export interface ProviderFailure {
  stage: 'transcription' | 'model' | 'speech';
  provider: string;
  /** `unavailable`, `rate_limited`, `timeout`, `denied`, `refused`. */
  fault: string;
  message: string;
  /** What was done about it; the name of the provider that was asked next. */
  then: { action: 'retry' | 'fallback'; provider: string } | { action: 'give_up' };
}

/** Who speaks in a call. */
export interface AgentUsed {
  agentVersion?: number | undefined;
  /** What its texts name and the call does not give. */
  missingVariables?: string[] | undefined;
}

/** What is known of a call from the moment it is accepted. What was not given is absent. */
export interface CallFacts {
  organizationId: string;
  environment: Environment;
  agentId: string;
  campaignId?: string | undefined;
  direction: Direction;
  fromNumber: string;
  toNumber: string;
  customerName?: string | undefined;
  voiceId?: string | undefined;
  language?: string | undefined;
  dynamicVariables?: Record<string, unknown> | undefined;
  metadata?: Record<string, unknown> | undefined;
  disableKnowledgeBases?: boolean | undefined;
  /** ISO 8601, UTC: the moment not to dial before. */
  scheduledAt?: string | undefined;
}

/** Every event says when it happened: `at`, ISO 8601 in UTC. */
export type CallEvent =
  | { type: 'call.queued'; data: CallFacts & { at: string } }
  /** The dialling policy was asked. */
  | { type: 'call.screened'; data: { at: string } & Screening }
  /** An attempt is claimed: from here on only `claim` may ring the phone, and never twice. */
  | { type: 'call.dialing'; data: { at: string; attempt: number; provider: string; claim: string } & AgentUsed }
  /** The carrier had no channel free, or it was never asked: back to the line, no attempt spent. */
  | { type: 'call.deferred'; data: { at: string; reason: string; notBefore: string } }
  | { type: 'call.ringing'; data: { at: string } }
  /** Answered. */
  | { type: 'call.started'; data: { at: string } }
  /** A person or a machine; said anew when it is known better. */
  | { type: 'call.answered_by'; data: { at: string } & AnsweredBy }
  /** In the conversation; `number` counts these two, from 1, and tells one that is told twice. */
  | { type: 'call.tool_used'; data: { at: string; number: number } & ToolUse }
  | { type: 'call.provider_failed'; data: { at: string; number: number } & ProviderFailure }
  /** The customer talks with somebody else, and no longer with the agent. */
  | { type: 'call.transferred'; data: { at: string } & Transfer }
  | {
      type: 'call.ended';
      data: {
        at: string;
        status: 'completed' | 'failed' | 'cancelled';
        disconnectionReason: DisconnectionReason;
        outcome: Outcome;
      };
    }
  /** How good the line was, told when it has closed. */
  | { type: 'call.measured'; data: { at: string; quality: LineQuality } }
  /** What was said can be heard at `url`: an address, or a path of our own API. */
  | { type: 'call.recorded'; data: { at: string; url: string; durationMs?: number | undefined } }
  /** The recording was kept as long as it was to be. */
  | { type: 'call.recording_deleted'; data: { at: string } }
  /** A language model has assessed the call. */
  | { type: 'call.analyzed'; data: { at: string } & Assessment }
  /** What the call has used and cost. */
  | { type: 'call.costed'; data: { at: string; costs: CallCosts; usage: CallUsage } };

export type CallEventType = CallEvent['type'];

/** A type that is missing here does not compile. */
const EVERY_TYPE: Record<CallEventType, true> = {
  'call.queued': true,
  'call.screened': true,
  'call.dialing': true,
  'call.deferred': true,
  'call.ringing': true,
  'call.started': true,
  'call.answered_by': true,
  'call.tool_used': true,
  'call.provider_failed': true,
  'call.transferred': true,
  'call.ended': true,
  'call.measured': true,
  'call.recorded': true,
  'call.recording_deleted': true,
  'call.analyzed': true,
  'call.costed': true,
};

/** All of them, in the order in which a call has them first. */
export const CALL_EVENT_TYPES = Object.keys(EVERY_TYPE) as readonly CallEventType[];
