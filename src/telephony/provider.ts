import { type Carrier } from '../carriers/index.js';
import { type AudioPort } from '../lib/audio/audio-port.js';
import { type AnsweredBy, type CallQuality } from '../lib/media/media-types.js';

/** The port to telephony: what the application needs of a SIP trunk, a vendor's API or the simulator. */

/** Why a leg ended, in the application's terms (design.md, "Reasons"). */
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

/** The party that ended a leg. `operator`: the target of a transfer. */
export type LegEndedBy = 'customer' | 'agent' | 'operator' | 'carrier' | 'system';

export interface LegEnd {
  /** `capacity`: the carrier has no free channel. The phone did not ring; the call waits and spends no attempt. */
  reason: LegEndReason | 'capacity';
  /** The final SIP status; null without one. */
  sipCode: number | null;
  by: LegEndedBy;
  /** An explanation in words; null when the reason is enough. */
  detail: string | null;
  /** The time of the answer, from providers that may lose the `answered` signal. */
  answeredAt?: Date | undefined;
  /** The measured quality of the line. */
  quality?: CallQuality | undefined;
}

/** A signal of a leg with the time at which it happened. A provider may repeat, reorder, delay or lose signals. */
export type LegSignal = { at: Date } & (
  | { type: 'ringing' }
  | { type: 'early' }
  | { type: 'answered' }
  | { type: 'dtmf'; digit: string }
  /** A person or a machine; repeated when a later detection is better. */
  | ({ type: 'answered_by' } & AnsweredBy)
  /** The beep of an answering machine: it records from now on. */
  | { type: 'beep' }
  /** The greeting of an answering machine is over, without a beep. */
  | { type: 'greeting_over' }
  /** A turn of a scripted conversation; milliseconds since the answer. */
  | { type: 'turn'; speaker: 'agent' | 'customer'; text: string; startMs: number; endMs: number }
  /** The customer talks with the target (E.164) from now on; the end of the leg follows after that. */
  | { type: 'transferred'; to: string; mode: TransferMode }
  | ({ type: 'ended' } & LegEnd)
);

/**
 * The way of a transfer. `bridge`: this process calls the target and connects both lines. `refer`: the far end calls the
 * target itself (RFC 3515).
 */
export type TransferMode = 'bridge' | 'refer';

export interface TransferOptions {
  mode: TransferMode;
  /** The caller's number, E.164. */
  from: string;
  /** Longest ringing at the target; with `refer` the longest wait for the far end's report. */
  ringTimeoutMs: number;
  /** Cancels a transfer that is not connected yet. A REFER that is sent cannot be cancelled. */
  signal?: AbortSignal | undefined;
}

export type TransferResult =
  /** The customer talks with the target. */
  | { status: 'connected' }
  /** The call goes on as before; `detail` is the reason in words. */
  | { status: 'refused'; detail: string };

/** One attempt to reach one phone. */
export interface CallLeg {
  /** All signals from the beginning. Ends after `ended`; may be read once. */
  readonly signals: AsyncIterable<LegSignal>;
  /** Ends the leg; `ended` follows. Idempotent. */
  hangup(): Promise<void>;
  sendDtmf(digits: string): Promise<void>;
  /** The audio of the line; undefined for a provider that conducts the conversation itself. */
  readonly audio: AudioPort | undefined;
  /**
   * Connects the customer with a target (E.164). Once `connected`, `audio` is cut off, and the leg ends with
   * `call_transfer` when either of the two hangs up. The caller checks the dialling policy first. Never rejects.
   */
  transfer(to: string, options: TransferOptions): Promise<TransferResult>;
}

/** The line of an attempt. */
export interface LineSetup {
  carrier: Carrier;
  /** The owner of the carrier. */
  organizationId: string;
  /** The WAV file of the recording on this machine; undefined: no recording. */
  recordTo?: string | undefined;
  /** Whether to detect an answering machine. */
  detectsAnswer: boolean;
}

export interface DialRequest {
  /** A second dial of the same attempt rings no second phone. */
  attemptId: string;
  callId: string;
  /** E.164. */
  to: string;
  from: string;
  ringTimeoutMs: number;
  maxDurationMs: number;
  line: LineSetup;
}

/** The result of a look-up of an attempt. */
export type FoundLeg =
  | { status: 'open'; leg: CallLeg }
  | { status: 'ended'; signals: LegSignal[] }
  /** Never dialled; the provider refuses a dial of this attempt from now on. */
  | { status: 'never' }
  /** The provider cannot know whether the phone rang. */
  | { status: 'unknown' };

export interface TelephonyProvider {
  /** The kind of carrier that it dials through; stored with each attempt. */
  readonly name: string;
  /**
   * Dials. Resolves when the provider has accepted the call, not when the phone is answered.
   * @throws Error when the provider may or may not have accepted it: `find` tells
   */
  dial(request: DialRequest): Promise<CallLeg>;
  /** Looks up an attempt of any process. */
  find(attemptId: string): Promise<FoundLeg>;
  /** Ends the legs whose audio is in this process, detaches from all others without a hang-up, and frees all resources. */
  close(): Promise<void>;
}
