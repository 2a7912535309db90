import { type SipEnd } from './sip-reasons.js';

const DETAILS: Partial<Record<SipEnd['reason'], string>> = {
  dial_busy: 'The line there is busy',
  dial_no_answer: 'Nobody answers there',
  user_declined: 'The call was declined there',
  invalid_destination: 'The number does not exist',
  agent_hangup: 'The transfer was given up',
  carrier_blocked: 'The carrier blocks calls to that number',
  telephony_provider_permission_denied: 'The carrier does not allow calls to that number',
  capacity: 'The carrier has no channel free now',
};

/** Why the target of a transfer was not reached, for the model. */
export const refusalOf = ({ reason, detail }: Pick<SipEnd, 'reason' | 'detail'>): string =>
  DETAILS[reason] ?? `The carrier could not connect the call${detail === null ? '' : `: ${detail}`}`;
