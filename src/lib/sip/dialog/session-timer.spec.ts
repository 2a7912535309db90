import { parseSessionExpires } from './session-timer.js';

describe('Session-Expires', () => {
  it.each([
    ['1800;refresher=uac', 'us', { seconds: 1_800, refresher: 'us' }],
    ['1800;refresher=uas', 'us', { seconds: 1_800, refresher: 'them' }],
    ['1800', 'us', { seconds: 1_800, refresher: 'us' }],
    ['90 ; Refresher=UAS', 'them', { seconds: 90, refresher: 'us' }],
    ['90', 'them', { seconds: 90, refresher: 'them' }],
    ['999999999', 'us', { seconds: 86_400, refresher: 'us' }],
  ] as const)('%s of a request by %s', (header, uac, terms) => {
    expect(parseSessionExpires(header, uac)).toEqual(terms);
  });

  it.each([undefined, '', '0', '-5', 'x;refresher=uac'])('%s is none', (header) => {
    expect(parseSessionExpires(header, 'us')).toBeUndefined();
  });
});
