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

/** How a call ended, for people and for the decision about another call. */
export interface Outcome {
  sipCode: number | null;
  /** The side that caused the end; `system` is this server. */
  responsible: 'customer' | 'agent' | 'operator' | 'carrier' | 'system';
  /** Whether another call may succeed. */
  retryable: boolean;
  detail: string | null;
}

/** Result of answer detection. */
export interface AnsweredBy {
  by: 'human' | 'machine' | 'unknown';
  /** e.g. `short_greeting`, `long_greeting`, `beep`, `no_speech`. */
  reason: string;
}

/** A transfer: `bridge` connects a second call of this server, `refer` lets the far end call by itself. */
export interface Transfer {
  /** E.164. */
  to: string;
  mode: 'bridge' | 'refer';
}

/** Audio quality of a line: losses in percent, times in milliseconds, MOS from 1 to 4.5. */
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

/** A language model's analysis of an ended call. */
export interface Assessment {
  summary: string;
  /** The customer's. */
  sentiment: Sentiment | null;
  /** Whether the agent reached its purpose. */
  callSuccessful: boolean | null;
  /** The fields of the agent's `analysisSchema`. */
  analysis: Record<string, unknown> | null;
}

/** Use of a call, by stage; a stage without a count is absent. */
export interface CallUsage {
  telephony?: { minutes: number } | undefined;
  transcription?: { seconds: number } | undefined;
  /** Null: used, but the provider does not count tokens. */
  model?: TokenUsage | null | undefined;
  speech?: { characters: number } | undefined;
  /** By the analysis after the call. */
  analysis?: TokenUsage | null | undefined;
}

export interface TokenUsage {
  inputTokens: number;
  outputTokens: number;
}

/** Costs of a call. Null: no count, or no rate in the settings. */
export interface CallCosts {
  /** Null when the cost of one used stage is unknown. */
  total: number | null;
  /** From the settings, e.g. `USD`. */
  currency: string | null;
  telephony: number | null;
  transcription: number | null;
  model: number | null;
  speech: number | null;
  analysis: number | null;
}

/** The dialling policy's decision before a call is dialled. */
export interface Screening {
  allowed: boolean;
  /** The rule that refuses the call. */
  rule: string | null;
  /** For people. */
  detail: string;
}

/** One tool call of the language model. */
export interface ToolUse {
  name: string;
  /** The parsed object, or the model's text when it is no JSON object. */
  arguments: Record<string, unknown> | string;
  /** The result given to the model; null after a failure. Long texts are cut. */
  result: string | null;
  error: string | null;
  durationMs: number;
}

/** A failed request to a provider. */
export interface ProviderFailure {
  stage: 'transcription' | 'model' | 'speech';
  provider: string;
  /** `unavailable`, `rate_limited`, `timeout`, `denied`, `refused`. */
  fault: string;
  message: string;
  /** The reaction, with the provider that is asked next. */
  then: { action: 'retry' | 'fallback'; provider: string } | { action: 'give_up' };
}

/** The agent of an attempt. */
export interface AgentUsed {
  agentVersion?: number | undefined;
  /** Template variables without a value in this call. */
  missingVariables?: string[] | undefined;
}

/** The facts that a call is created with; an absent one was not given. */
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
  /** Not dialled before this time. ISO 8601, UTC. */
  scheduledAt?: string | undefined;
}

/**
 * The events of a call, with the names that the API, the stream and the webhooks use. `at` is the time of the event,
 * ISO 8601 in UTC.
 */
export type CallEvent =
  | { type: 'call.queued'; data: CallFacts & { at: string } }
  /** The dialling policy has decided. */
  | { type: 'call.screened'; data: { at: string } & Screening }
  /** A worker claims an attempt: only the holder of `claim` may dial, and only once. */
  | { type: 'call.dialing'; data: { at: string; attempt: number; provider: string; claim: string } & AgentUsed }
  /** The attempt did not take place, e.g. without a free channel: back to the queue, and the attempt does not count. */
  | { type: 'call.deferred'; data: { at: string; reason: string; notBefore: string } }
  | { type: 'call.ringing'; data: { at: string } }
  /** The customer has answered. */
  | { type: 'call.started'; data: { at: string } }
  /** A person or a machine; a later event corrects an earlier one. */
  | { type: 'call.answered_by'; data: { at: string } & AnsweredBy }
  /** `number` counts tool uses and provider failures of an attempt together, from 1; a repeated number is a duplicate. */
  | { type: 'call.tool_used'; data: { at: string; number: number } & ToolUse }
  | { type: 'call.provider_failed'; data: { at: string; number: number } & ProviderFailure }
  /** The customer is connected to another number; the agent has left. */
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
  /** Audio quality, measured when the line closes. */
  | { type: 'call.measured'; data: { at: string; quality: LineQuality } }
  /** `url` is absolute, or a path of this API. */
  | { type: 'call.recorded'; data: { at: string; url: string; durationMs?: number | undefined } }
  /** The retention period of the recording is over. */
  | { type: 'call.recording_deleted'; data: { at: string } }
  | { type: 'call.analyzed'; data: { at: string } & Assessment }
  | { type: 'call.costed'; data: { at: string; costs: CallCosts; usage: CallUsage } };

export type CallEventType = CallEvent['type'];

/** Complete: a missing type does not compile. */
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

/** All event types, in the usual order of their first occurrence. */
export const CALL_EVENT_TYPES = Object.keys(EVERY_TYPE) as readonly CallEventType[];
