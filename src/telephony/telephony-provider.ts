/** What the application needs of whoever puts calls through: a carrier over SIP, a vendor's API, the simulator. */

/** Why a leg ended, in our words (design.md, "Reasons"), whatever the provider calls it. */
export type LegEndReason =
  | 'user_hangup'
  | 'agent_hangup'
  | 'voicemail_reached'
  | 'max_duration_reached'
  | 'dial_busy'
  | 'dial_no_answer'
  | 'user_declined'
  | 'invalid_destination'
  | 'dial_failed'
  | 'telephony_provider_permission_denied'
  | 'telephony_provider_unavailable'
  | 'carrier_blocked'
  | 'error_media_lost';

/** Who ended a leg. */
export type LegEndedBy = 'customer' | 'agent' | 'carrier' | 'system';

export interface LegEnd {
  /** `capacity`: the carrier has no channel free now. The phone did not ring; the call waits and no attempt is spent. */
  reason: LegEndReason | 'capacity';
  /** The final SIP status, where there is one. */
  sipCode: number | null;
  by: LegEndedBy;
  /** For people; null when the reason says it all. */
  detail: string | null;
  /** When it was answered, for whoever was never told: providers that lose signals name it with the end. */
  answeredAt?: Date | undefined;
}

/** What happens on a leg, each with the moment it happened. A provider may repeat, reorder, delay or lose signals. */
export type LegSignal = { at: Date } & (
  | { type: 'ringing' }
  | { type: 'early' }
  | { type: 'answered' }
  | { type: 'dtmf'; digit: string }
  /** Something was said; milliseconds since the answer. */
  | { type: 'turn'; speaker: 'agent' | 'customer'; text: string; startMs: number; endMs: number }
  | ({ type: 'ended' } & LegEnd)
);

/** One attempt to reach one phone. */
export interface CallLeg {
  /** What happens, as it happens. Ends after `ended`; it is read once. */
  readonly signals: AsyncIterable<LegSignal>;
  /** Ends the leg; it is fine when it has ended already. `ended` follows. */
  hangup(): Promise<void>;
  sendDtmf(digits: string): Promise<void>;
}

export interface DialRequest {
  /** Our name for this attempt. A second dial with the same one rings no second phone. */
  reference: string;
  callId: string;
  /** E.164. */
  to: string;
  from: string;
  ringTimeoutMs: number;
  maxDurationMs: number;
}

/** What a provider knows of an attempt. */
export type FoundLeg =
  /** It is still there; its signals are told from the beginning. */
  | { is: 'live'; leg: CallLeg }
  /** It is over. */
  | { is: 'over'; signals: LegSignal[] }
  /** It was never asked for, and never will be: the provider refuses that reference from now on. */
  | { is: 'never' }
  /** The provider cannot tell. */
  | { is: 'unknown' };

export interface TelephonyProvider {
  /** Names it in the timeline. */
  readonly name: string;
  /**
   * Asks for a call. Resolves when the provider has accepted it, not when anybody answers.
   * @throws Error when it is not known whether the provider accepted it: ask `find`
   */
  dial(request: DialRequest): Promise<CallLeg>;
  /** Asks what became of an attempt, of another process too. */
  find(reference: string): Promise<FoundLeg>;
  /** Gives up this process's part of all legs, without hanging up, and closes what is open. */
  close(): Promise<void>;
}
