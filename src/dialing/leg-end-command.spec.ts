import { type LegEnd, type LegEndReason } from '../telephony/provider.js';
import { endOf, waitAfter } from './leg-end-command.js';

const at = new Date('2026-04-05T14:00:00.250Z');
const leg = (end: Partial<LegEnd>) =>
  ({ at, reason: 'dial_busy', sipCode: 486, by: 'customer', detail: null, ...end }) as const;

describe('the end of a leg', () => {
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
  ])('%s ends the call for that reason; another call may be worth making: %s', (reason, retryable) => {
    expect(endOf(leg({ reason, sipCode: 480, by: 'carrier', detail: 'As told' }), 'claim')).toEqual({
      type: 'EndCall',
      at: '2026-04-05T14:00:00.250Z',
      claim: 'claim',
      disconnectionReason: reason,
      outcome: { sipCode: 480, responsible: 'carrier', retryable, detail: 'As told' },
    });
  });

  it('who ended it is told by the provider, not guessed from the reason', () => {
    expect(endOf(leg({ reason: 'dial_no_answer', by: 'carrier' }), 'claim')).toMatchObject({
      outcome: { responsible: 'carrier' },
    });
  });

  it('capacity is no end: the call waits a second', () => {
    expect(endOf(leg({ reason: 'capacity', sipCode: 503, by: 'carrier', detail: 'Full' }), 'claim')).toEqual({
      type: 'DeferCall',
      at: '2026-04-05T14:00:00.250Z',
      claim: 'claim',
      reason: 'Full',
      notBefore: '2026-04-05T14:00:01.250Z',
    });
    expect(endOf(leg({ reason: 'capacity' }), 'claim')).toMatchObject({ reason: 'The carrier has no channel free' });
  });

  it('a carrier that stays full is asked less and less often, but never given up', () => {
    expect([0, 1, 2, 3, 4, 5, 100, 10_000].map(waitAfter)).toEqual([
      1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000, 15_000,
    ]);
    expect(endOf(leg({ reason: 'capacity' }), 'claim', 2)).toMatchObject({ notBefore: '2026-04-05T14:00:04.250Z' });
  });
});
