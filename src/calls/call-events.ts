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
  /** An attempt is claimed: from here on only `claim` may ring the phone, and never twice. */
  | { type: 'call.dialing'; data: { at: string; attempt: number; provider: string; claim: string } }
  /** The carrier had no channel free, or was never asked: back to the line, no attempt spent. */
  | { type: 'call.deferred'; data: { at: string; reason: string; notBefore: string } }
  | { type: 'call.ringing'; data: { at: string } }
  /** Answered. */
  | { type: 'call.started'; data: { at: string } }
  | {
      type: 'call.ended';
      data: {
        at: string;
        status: 'completed' | 'failed' | 'cancelled';
        disconnectionReason: DisconnectionReason;
        outcome: Outcome;
      };
    }
  /** What was said can be heard at `url`. */
  | { type: 'call.recorded'; data: { at: string; url: string } };

export type CallEventType = CallEvent['type'];
