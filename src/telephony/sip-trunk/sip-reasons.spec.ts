import { endOfEnded, endOfFailed, isCapacity } from './sip-reasons.js';
import { type CallFailed } from '../../lib/sip/sip-types.js';

const failed = (status: number | null, event: Partial<CallFailed> = {}): CallFailed => ({
  type: 'failed',
  status,
  phrase: '',
  reasonHeaders: [],
  headers: {},
  cause: 'response',
  ...event,
});
const q850 = (cause: number, text = ''): Partial<CallFailed> => ({
  reasonHeaders: [`Q.850 ;cause=${cause}${text === '' ? '' : `;text="${text}"`}`],
});

describe('a refusal', () => {
  it.each([
    [300, {}, 'dial_failed', 'carrier'],
    [302, {}, 'dial_failed', 'carrier'],
    [400, {}, 'dial_failed', 'carrier'],
    [401, {}, 'telephony_provider_permission_denied', 'carrier'],
    [402, {}, 'telephony_provider_permission_denied', 'carrier'],
    [403, {}, 'telephony_provider_permission_denied', 'carrier'],
    [403, { phrase: 'Call rejected: spam' }, 'carrier_blocked', 'carrier'],
    [404, {}, 'invalid_destination', 'carrier'],
    [407, {}, 'telephony_provider_permission_denied', 'carrier'],
    [408, {}, 'dial_no_answer', 'carrier'],
    [410, {}, 'invalid_destination', 'carrier'],
    [429, {}, 'capacity', 'carrier'],
    [480, {}, 'dial_no_answer', 'carrier'],
    [480, q850(1), 'invalid_destination', 'carrier'],
    [480, q850(17), 'dial_busy', 'customer'],
    [480, q850(18), 'dial_no_answer', 'carrier'],
    [480, q850(19, 'No answer from user'), 'dial_no_answer', 'carrier'],
    [480, q850(21), 'user_declined', 'customer'],
    [480, q850(28), 'invalid_destination', 'carrier'],
    [480, q850(34), 'capacity', 'carrier'],
    [480, q850(42), 'capacity', 'carrier'],
    [480, q850(44), 'capacity', 'carrier'],
    [480, q850(38), 'telephony_provider_unavailable', 'carrier'],
    [480, q850(16), 'dial_no_answer', 'carrier'],
    [480, { phrase: 'Channel limit exceeded' }, 'capacity', 'carrier'],
    [480, { phrase: 'Temporarily Unavailable' }, 'dial_no_answer', 'carrier'],
    [484, {}, 'invalid_destination', 'carrier'],
    [485, {}, 'invalid_destination', 'carrier'],
    [486, {}, 'dial_busy', 'customer'],
    [486, q850(34), 'dial_busy', 'customer'],
    [487, {}, 'dial_no_answer', 'carrier'],
    [487, q850(17), 'dial_busy', 'customer'],
    [488, {}, 'dial_failed', 'carrier'],
    [500, {}, 'telephony_provider_unavailable', 'carrier'],
    [500, { phrase: 'CPS limit' }, 'capacity', 'carrier'],
    [500, q850(41), 'telephony_provider_unavailable', 'carrier'],
    [502, q850(34), 'capacity', 'carrier'],
    [503, { phrase: 'Service Unavailable' }, 'telephony_provider_unavailable', 'carrier'],
    [503, { headers: { 'retry-after': '5' } }, 'capacity', 'carrier'],
    [503, q850(42, 'Switching equipment congestion'), 'capacity', 'carrier'],
    [503, { headers: { warning: '399 a "Maximum number of channels reached"' } }, 'capacity', 'carrier'],
    [503, { phrase: 'Concurrent call limit reached' }, 'capacity', 'carrier'],
    [503, { phrase: 'Rate Limit Exceeded' }, 'capacity', 'carrier'],
    [503, { phrase: 'Trunk capacity' }, 'capacity', 'carrier'],
    [504, {}, 'telephony_provider_unavailable', 'carrier'],
    [600, {}, 'dial_busy', 'customer'],
    [603, { phrase: 'Decline' }, 'user_declined', 'customer'],
    [603, { phrase: 'Network Blocked' }, 'carrier_blocked', 'carrier'],
    [603, { reasonHeaders: ['SIP;cause=608;text="x"'] }, 'carrier_blocked', 'carrier'],
    [603, { reasonHeaders: ['Q.850;cause=21;text="Rejected by network"'] }, 'carrier_blocked', 'carrier'],
    [603, q850(21, 'Call rejected'), 'user_declined', 'customer'],
    [603, { reasonHeaders: ['SIP;cause=603;text="v=analytics1;url=x"'] }, 'carrier_blocked', 'carrier'],
    [604, {}, 'invalid_destination', 'carrier'],
    [606, {}, 'dial_failed', 'carrier'],
    [607, {}, 'carrier_blocked', 'carrier'],
    [608, {}, 'carrier_blocked', 'carrier'],
  ] as const)('%d %j is %s by %s', (status, event, reason, by) => {
    const refusal = failed(status, event as Partial<CallFailed>);
    expect(endOfFailed(refusal)).toMatchObject({ reason, by, sipCode: status });
    expect(isCapacity(refusal)).toBe(reason === 'capacity');
  });

  it('says in its own words why', () => {
    expect(endOfFailed(failed(480, { phrase: 'Unavailable', ...q850(19, 'No answer') })).detail).toBe(
      'Unavailable: No answer',
    );
    expect(endOfFailed(failed(486)).detail).toBeNull();
    expect(endOfFailed(failed(486, q850(17))).detail).toBe('Q.850 17');
    expect(endOfFailed(failed(486, { phrase: 'x'.repeat(999) })).detail).toHaveLength(200);
  });
});

it.each([
  ['ring-timeout', 487, { reason: 'dial_no_answer', by: 'system', sipCode: 487 }],
  ['ring-timeout', null, { reason: 'dial_no_answer', by: 'system', sipCode: 408 }],
  ['cancelled', 487, { reason: 'agent_hangup', by: 'agent', sipCode: null }],
  ['no-response', null, { reason: 'telephony_provider_unavailable', by: 'carrier', sipCode: null }],
  ['transport', null, { reason: 'telephony_provider_unavailable', by: 'carrier', sipCode: null }],
] as const)('%s with %s is %j', (cause, status, end) => {
  expect(endOfFailed(failed(status, { cause }))).toMatchObject(end);
  expect(isCapacity(failed(null, { cause }))).toBe(false);
});

it.each([
  ['remote', 'user_hangup', 'customer'],
  ['local', 'agent_hangup', 'agent'],
  ['lost', 'error_media_lost', 'carrier'],
] as const)('an end by %s is %s', (by, reason, who) => {
  expect(endOfEnded({ type: 'ended', by, reasonHeaders: [] })).toMatchObject({ reason, by: who, sipCode: null });
});
