import { type DisconnectionReason, type Outcome } from './call-events.js';

/** For each reason, the side that caused the end and whether another call may succeed. */
const REASONS: Readonly<Record<DisconnectionReason, Pick<Outcome, 'responsible' | 'retryable'>>> = {
  user_hangup: { responsible: 'customer', retryable: false },
  agent_hangup: { responsible: 'agent', retryable: false },
  manual_stopped: { responsible: 'operator', retryable: false },
  call_transfer: { responsible: 'agent', retryable: false },
  voicemail_reached: { responsible: 'system', retryable: true },
  inactivity: { responsible: 'customer', retryable: false },
  max_duration_reached: { responsible: 'system', retryable: false },
  dial_busy: { responsible: 'customer', retryable: true },
  dial_no_answer: { responsible: 'customer', retryable: true },
  user_declined: { responsible: 'customer', retryable: false },
  invalid_destination: { responsible: 'carrier', retryable: false },
  dial_failed: { responsible: 'carrier', retryable: true },
  telephony_provider_permission_denied: { responsible: 'carrier', retryable: false },
  telephony_provider_unavailable: { responsible: 'carrier', retryable: true },
  carrier_blocked: { responsible: 'carrier', retryable: false },
  concurrency_limit_reached: { responsible: 'system', retryable: true },
  cancelled: { responsible: 'operator', retryable: false },
  error_no_audio_received: { responsible: 'carrier', retryable: true },
  error_speech_provider: { responsible: 'system', retryable: true },
  error_llm_provider: { responsible: 'system', retryable: true },
  error_media_lost: { responsible: 'system', retryable: true },
  error_unknown_outcome: { responsible: 'system', retryable: false },
};

export const responsibleFor = (reason: DisconnectionReason): Pick<Outcome, 'responsible' | 'retryable'> =>
  REASONS[reason];
