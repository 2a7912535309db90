import { addressOf, refusal, retryAfterMs } from './http.js';

describe('what a status means', () => {
  it.each([
    [401, 'denied'],
    [403, 'denied'],
    [429, 'rate_limited'],
    [500, 'unavailable'],
    [503, 'unavailable'],
    [408, 'unavailable'],
    [301, 'refused'],
    [307, 'refused'],
    [400, 'refused'],
    [402, 'refused'],
    [404, 'refused'],
    [413, 'refused'],
  ])('%d is %s', (status, fault) => {
    expect(refusal('Ann', status, '3')).toMatchObject({ fault, message: `Ann answered ${status}` });
  });

  it('keeps when to come back', () => {
    expect(refusal('Ann', 429, '3').retryAfterMs).toBe(3_000);
    expect(refusal('Ann', 503, '3').retryAfterMs).toBe(3_000);
    expect(refusal('Ann', 429, null).retryAfterMs).toBeUndefined();
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each([
    ['2', 2_000],
    [' 0.25 ', 250],
    ['Thu, 01 Jan 2026 00:00:10 GMT', 10_000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['soon', undefined],
    ['-1', undefined],
    ['', undefined],
    ['1'.repeat(101), undefined],
    [null, undefined],
    [undefined, undefined],
  ])('%j is %j ms', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });
});

it.each(['http://h/v1', 'http://h/v1/', 'http://h/v1//'])('an address may end in slashes: %s', (base) => {
  expect(addressOf(base, 'listen')).toBe('http://h/v1/listen');
});
