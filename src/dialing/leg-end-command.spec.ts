import { type LegEnd, type LegEndReason } from '../telephony/provider.js';
import { legEndCommand } from './leg-end-command.js';
import { redialDelayMs } from './redial-delay.js';

const at = new Date('2026-04-05T14:00:00.250Z');
const leg = (end: Partial<LegEnd>) =>
  ({ at, reason: 'dial_busy', sipCode: 486, by: 'customer', detail: null, ...end }) as const;

describe('legEndCommand', () => {
  it.each<[LegEndReason, boolean]>([
    ['user_hangup', false],
    ['agent_hangup', false],
    ['voicemail_reached', true],
    ['max_duration_reached', false],
    ['dial_busy', true],
    ['dial_no_answer', true],
    ['user_declined', false],
    ['invalid_destination', false],
    ['dial_failed', true],
    ['telephony_provider_permission_denied', false],
    ['telephony_provider_unavailable', true],
    ['carrier_blocked', false],
    ['error_media_lost', true],
  ])('%s ends the call for that reason, retryable: %s', (reason, retryable) => {
    expect(legEndCommand(leg({ reason, sipCode: 480, by: 'carrier', detail: 'As told' }), 'claim')).toEqual({
      type: 'EndCall',
      at: '2026-04-05T14:00:00.250Z',
      claim: 'claim',
      disconnectionReason: reason,
      outcome: { sipCode: 480, responsible: 'carrier', retryable, detail: 'As told' },
    });
  });

  it('takes the responsible party from the provider, not from the reason', () => {
    expect(legEndCommand(leg({ reason: 'dial_no_answer', by: 'carrier' }), 'claim')).toMatchObject({
      outcome: { responsible: 'carrier' },
    });
  });

  it('defers the call by a second for capacity', () => {
    expect(legEndCommand(leg({ reason: 'capacity', sipCode: 503, by: 'carrier', detail: 'Full' }), 'claim')).toEqual({
      type: 'DeferCall',
      at: '2026-04-05T14:00:00.250Z',
      claim: 'claim',
      reason: 'Full',
      notBefore: '2026-04-05T14:00:01.250Z',
    });
    expect(legEndCommand(leg({ reason: 'capacity' }), 'claim')).toMatchObject({
      reason: 'The carrier has no channel free',
    });
  });

  it('defers the call longer each time, up to 15 s', () => {
    expect([0, 1, 2, 3, 4, 5, 100, 10_000].map(redialDelayMs)).toEqual([
      1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000, 15_000,
    ]);
    expect(legEndCommand(leg({ reason: 'capacity' }), 'claim', 2)).toMatchObject({
      notBefore: '2026-04-05T14:00:04.250Z',
    });
  });
});
