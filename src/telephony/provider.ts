import { type Carrier } from '../carriers/carrier.js';
import { type AudioPort } from '../lib/audio/audio-port.js';
import { type AnsweredBy, type CallQuality } from '../lib/media/media-types.js';

/** What the application needs of whoever puts calls through: a carrier over SIP, a vendor's API, the simulator. */

/** Why a leg ended, in our words (design.md, "Reasons"), whatever the provider calls it. */
export type LegEndReason =
  | 'user_hangup'
  | 'agent_hangup'
  | 'call_transfer'
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
  | 'error_media_lost'
  | 'error_no_audio_received';

/** Who ended a leg; `operator`: whom the customer was connected with. */
export type LegEndedBy = 'customer' | 'agent' | 'operator' | 'carrier' | 'system';

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
  /** How good the line was, where it was measured. */
  quality?: CallQuality | undefined;
}

/** What happens on a leg, each with the moment it happened. A provider may repeat, reorder, delay or lose signals. */
export type LegSignal = { at: Date } & (
  | { type: 'ringing' }
  | { type: 'early' }
  | { type: 'answered' }
  | { type: 'dtmf'; digit: string }
  /** A person or a machine; told anew when it is known better. */
  | ({ type: 'answered_by' } & AnsweredBy)
  /** A machine takes messages from now on: its tone was heard. */
  | { type: 'beep' }
  /** The greeting of a machine is over, and nothing followed it. */
  | { type: 'greeting_over' }
  /** Something was said; milliseconds since the answer. */
  | { type: 'turn'; speaker: 'agent' | 'customer'; text: string; startMs: number; endMs: number }
  /** The customer is connected with somebody else (E.164). The end follows when they have talked. */
  | { type: 'transferred'; to: string; mode: TransferMode }
  | ({ type: 'ended' } & LegEnd)
);

/**
 * How a customer gets to somebody else. `bridge`: we call them, and connect the two lines. `refer`: the far end calls them
 * itself (RFC 3515).
 */
export type TransferMode = 'bridge' | 'refer';

export interface TransferOptions {
  mode: TransferMode;
  /** Who calls, E.164. */
  from: string;
  /** How long it may ring there; of a `refer`, how long the far end may take to tell how it went. */
  ringTimeoutMs: number;
  /** Gives up a transfer that has not come about. A `refer` cannot be taken back once it is sent. */
  signal?: AbortSignal | undefined;
}

export type TransferResult =
  /** Somebody else talks with the customer now. */
  | { status: 'connected' }
  /** Nothing has changed; why, in words. */
  | { status: 'refused'; detail: string };

/** One attempt to reach one phone. */
export interface CallLeg {
  /** What happens, as it happens. Ends after `ended`; it is read once. */
  readonly signals: AsyncIterable<LegSignal>;
  /** Ends the leg; it is fine when it has ended already. `ended` follows. */
  hangup(): Promise<void>;
  sendDtmf(digits: string): Promise<void>;
  /** Both ends of the open line; undefined where the provider itself converses on it. */
  readonly audio: AudioPort | undefined;
  /**
   * Connects the customer with somebody else (E.164). Once `connected`, nobody hears or plays anything on `audio` any
   * more, and the leg ends by itself: with `call_transfer` when one of the two hangs up. Who may be called is asked
   * before. Never rejects.
   */
  transfer(to: string, options: TransferOptions): Promise<TransferResult>;
}

/** The line that a live call is to have. */
export interface LineSetup {
  carrier: Carrier;
  /** Whose carrier it is. */
  organizationId: string;
  /** A WAV file on this machine to record into; undefined: not recorded. */
  recordTo?: string | undefined;
  /** Whether to find out if a person or a machine has answered. */
  detectsAnswer: boolean;
}

export interface DialRequest {
  /** Our name for this attempt. A second dial with the same one rings no second phone. */
  attemptId: string;
  callId: string;
  /** E.164. */
  to: string;
  from: string;
  ringTimeoutMs: number;
  maxDurationMs: number;
  /** For providers that need a carrier; the simulator has none. */
  line?: LineSetup | undefined;
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
  /** The kind of carrier that it dials through; the provider in the timeline. */
  readonly name: string;
  /**
   * Asks for a call. Resolves when the provider has accepted it, not when anybody answers.
   * @throws Error when it is not known whether the provider accepted it: ask `find`
   */
  dial(request: DialRequest): Promise<CallLeg>;
  /** Asks what became of an attempt, of another process too. */
  find(attemptId: string): Promise<FoundLeg>;
  /** Gives up this process's part of all legs, without hanging up, and closes what is open. */
  close(): Promise<void>;
}
