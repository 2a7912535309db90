import { type LegEndedBy, type LegEndReason } from '../provider.js';
import { parseParams } from '../../lib/sip/message/sip-text.js';
import { type CallEnded, type CallFailed } from '../../lib/sip/sip-types.js';

/** The end of a SIP leg in the terms of the application (design.md, "Reasons"). */
export interface SipEnd {
  reason: LegEndReason | 'capacity';
  /** The final SIP status; null without one. */
  sipCode: number | null;
  by: LegEndedBy;
  detail: string | null;
}

type Reason = SipEnd['reason'];

interface ReasonHeader {
  /** In upper case: `Q.850`, `SIP`. */
  protocol: string;
  cause: number | null;
  text: string;
}

const BY: Partial<Record<Reason, LegEndedBy>> = {
  dial_busy: 'customer',
  user_declined: 'customer',
  user_hangup: 'customer',
  agent_hangup: 'agent',
};

const BY_STATUS: ReadonlyMap<number, Reason> = new Map<number, Reason>([
  [401, 'telephony_provider_permission_denied'],
  [402, 'telephony_provider_permission_denied'],
  [403, 'telephony_provider_permission_denied'],
  [404, 'invalid_destination'],
  [407, 'telephony_provider_permission_denied'],
  [408, 'dial_no_answer'],
  [410, 'invalid_destination'],
  [416, 'invalid_destination'],
  [480, 'dial_no_answer'],
  [484, 'invalid_destination'],
  [485, 'invalid_destination'],
  [486, 'dial_busy'],
  [487, 'dial_no_answer'],
  [600, 'dial_busy'],
  [603, 'user_declined'],
  [604, 'invalid_destination'],
  [607, 'carrier_blocked'],
  [608, 'carrier_blocked'],
]);

/** Unspecific statuses: a Q.850 cause takes precedence. */
const VAGUE = new Set([480, 487]);

/** ITU-T Q.850. */
const BY_CAUSE: ReadonlyMap<number, Reason> = new Map<number, Reason>([
  [1, 'invalid_destination'],
  [2, 'invalid_destination'],
  [3, 'invalid_destination'],
  [17, 'dial_busy'],
  [18, 'dial_no_answer'],
  [19, 'dial_no_answer'],
  [20, 'dial_no_answer'],
  [21, 'user_declined'],
  [22, 'invalid_destination'],
  [27, 'telephony_provider_unavailable'],
  [28, 'invalid_destination'],
  [34, 'capacity'],
  [38, 'telephony_provider_unavailable'],
  [41, 'telephony_provider_unavailable'],
  [42, 'capacity'],
  [44, 'capacity'],
  [47, 'capacity'],
  [50, 'telephony_provider_permission_denied'],
  [52, 'telephony_provider_permission_denied'],
  [57, 'telephony_provider_permission_denied'],
]);

const isCapacityCause = (cause: number): boolean => BY_CAUSE.get(cause) === 'capacity';

const CAPACITY_TEXT =
  /capacity|\bcps\b|too many (calls|requests)|\b(call|rate|channels?|lines?|sessions?|concurren\w*|trunk)\b.*\b(limit|exceeded|reached|exhausted|full|unavailable)|\blimit (is )?(exceeded|reached)|no (free )?(channel|circuit|line)s?\b|all (circuits|channels|lines)|maximum.*(calls|channels|sessions)|congestion|overload/i;
/** Texts of refusals by call analytics instead of the person called (603+, ATIS-1000099; RFC 8197, RFC 8688). */
const BLOCKED_TEXT =
  /block|spam|analytics|robo|unwanted|fraud|reject\w* by (the )?(network|carrier|operator)|network (reject|declin)/i;

/** The end of an unanswered call. */
export function endOfFailed(event: CallFailed): SipEnd {
  if (event.cause === 'ring-timeout') return end('dial_no_answer', event.status === 487 ? 487 : 408, null, 'system');
  if (event.cause === 'cancelled') return end('agent_hangup', null, null);
  if (event.status === null)
    return end('telephony_provider_unavailable', null, event.phrase || 'The carrier did not respond', 'carrier');
  const reasons = event.reasonHeaders.map(parseReason);
  return end(reasonOf(event, event.status, reasons), event.status, detailOf(event.phrase, reasons));
}

/** The end of an answered call. */
export function endOfEnded(event: CallEnded): SipEnd {
  const detail = detailOf('', event.reasonHeaders.map(parseReason));
  if (event.by === 'lost')
    return end('error_media_lost', null, detail ?? 'The far end does not know the call', 'carrier');
  return end(event.by === 'local' ? 'agent_hangup' : 'user_hangup', null, detail);
}

/** Whether the carrier has no free channel: its other targets would refuse the call too. */
export function isCapacity(event: CallFailed): boolean {
  const { status } = event;
  if (status === null) return false;
  return reasonOf(event, status, event.reasonHeaders.map(parseReason)) === 'capacity';
}

const end = (reason: Reason, sipCode: number | null, detail: string | null, by?: LegEndedBy): SipEnd => ({
  reason,
  sipCode,
  by: by ?? BY[reason] ?? 'carrier',
  detail,
});

function reasonOf({ phrase, headers }: CallFailed, status: number, reasons: readonly ReasonHeader[]): Reason {
  const cause = reasons.find(({ protocol }) => protocol === 'Q.850')?.cause ?? null;
  const words = [phrase, headers['warning'] ?? '', ...reasons.map(({ text }) => text)].join('\n');
  if (status === 603 && isBlocked(words, reasons)) return 'carrier_blocked';
  if (status === 403 && BLOCKED_TEXT.test(words) && /spam|analytics|robo|fraud/i.test(words)) return 'carrier_blocked';
  if (status >= 500 && status < 600)
    return isFull(status, headers, cause, words) ? 'capacity' : 'telephony_provider_unavailable';
  if (status === 480 && (isCapacityCause(cause ?? 0) || (cause === null && CAPACITY_TEXT.test(words))))
    return 'capacity';
  if (status === 429) return 'capacity';
  if (VAGUE.has(status) && cause !== null) return BY_CAUSE.get(cause) ?? BY_STATUS.get(status) ?? 'dial_failed';
  return BY_STATUS.get(status) ?? 'dial_failed';
}

/** RFC 8197 and 603+ also arrive as `Reason: SIP;cause=607` with another final status. */
const isBlocked = (words: string, reasons: readonly ReasonHeader[]): boolean =>
  BLOCKED_TEXT.test(words) ||
  reasons.some(({ protocol, cause }) => protocol === 'SIP' && (cause === 607 || cause === 608));

function isFull(status: number, headers: Record<string, string>, cause: number | null, words: string): boolean {
  if (cause !== null && isCapacityCause(cause)) return true;
  return CAPACITY_TEXT.test(words) || (status === 503 && headers['retry-after'] !== undefined);
}

function parseReason(header: string): ReasonHeader {
  const semicolon = header.indexOf(';');
  const protocol = (semicolon === -1 ? header : header.slice(0, semicolon)).trim().toUpperCase();
  const params = parseParams(semicolon === -1 ? '' : header.slice(semicolon + 1));
  const cause = /^\d{1,3}$/.test(params.get('cause') ?? '') ? Number(params.get('cause')) : null;
  return { protocol, cause, text: params.get('text') ?? '' };
}

const MAX_DETAIL = 200;

function detailOf(phrase: string, reasons: readonly ReasonHeader[]): string | null {
  const texts = reasons.map(({ protocol, cause, text }) => text || (cause === null ? '' : `${protocol} ${cause}`));
  const detail = [...new Set([phrase, ...texts].map((text) => text.trim()).filter(Boolean))].join(': ');
  return detail === '' ? null : detail.slice(0, MAX_DETAIL);
}
