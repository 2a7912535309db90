import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { ENVIRONMENTS, generateKey, hashKey, isWellFormedKey, missingScopes, SCOPES } from './api-key.js';

const ALPHANUMERIC = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const replaceAt = (text: string, place: number, by: string): string =>
  text.slice(0, place) + by + text.slice(place + 1);

describe('generateKey', () => {
  it.each(ENVIRONMENTS)('makes a well-formed %s key that says its environment', (environment) => {
    const key = generateKey(environment);
    expect(key).toMatch(new RegExp(`^rpl_${environment}_[0-9A-Za-z]{38}$`));
    expect(isWellFormedKey(key)).toBe(true);
  });

  it('never makes the same key twice', () => {
    const keys = new Set(Array.from({ length: 1_000 }, () => generateKey('test')));
    expect(keys.size).toBe(1_000);
  });
});

describe('isWellFormedKey', () => {
  const place = fc.nat({ max: generateKey('test').length - 1 });

  it('refuses a key with any one character mistyped', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ENVIRONMENTS),
        place,
        fc.constantFrom(...ALPHANUMERIC),
        (environment, at, typed) => {
          const key = generateKey(environment);
          fc.pre(key[at] !== typed);
          expect(isWellFormedKey(replaceAt(key, at, typed))).toBe(false);
        },
      ),
    );
  });

  it('refuses a key with two neighbours swapped', () => {
    fc.assert(
      fc.property(fc.integer({ min: 9, max: 45 }), (at) => {
        const key = generateKey('live');
        fc.pre(key[at] !== key[at + 1]);
        const swapped = replaceAt(replaceAt(key, at, key[at + 1] ?? ''), at + 1, key[at] ?? '');
        expect(isWellFormedKey(swapped)).toBe(false);
      }),
    );
  });

  it('refuses a test key that was renamed to a live key', () => {
    expect(isWellFormedKey(generateKey('test').replace('_test_', '_live_'))).toBe(false);
  });

  it.each(['', 'rpl_live_your_key', 'rpl_test_', `${generateKey('test')}0`, ` ${generateKey('test')}`, '\0', '🔑'])(
    'refuses what has not the form of a key: %j',
    (text) => {
      expect(isWellFormedKey(text)).toBe(false);
    },
  );
});

describe('hashKey', () => {
  it('is the SHA-256 of the whole key', () => {
    const key = generateKey('live');
    expect(hashKey(key)).toEqual(createHash('sha256').update(key, 'utf8').digest());
  });
});

describe('missingScopes', () => {
  it('names what is wanted and not held, and nothing else', () => {
    expect(missingScopes(['calls:read', 'agents:read'], ['calls:read'])).toEqual([]);
    expect(missingScopes(['calls:read'], ['calls:write', 'calls:read', 'api-keys:manage'])).toEqual([
      'calls:write',
      'api-keys:manage',
    ]);
  });

  it('is empty exactly when everything wanted is held', () => {
    const scopes = fc.subarray([...SCOPES]);
    fc.assert(
      fc.property(scopes, scopes, (held, wanted) => {
        expect(missingScopes(held, wanted).length === 0).toBe(wanted.every((scope) => held.includes(scope)));
      }),
    );
  });
});

describe('SCOPES', () => {
  it('has the scopes of the contract and those of administration, each once', () => {
    const contract = [
      ...['calls:read', 'calls:write', 'contacts:read', 'contacts:write', 'agents:read', 'campaigns:read'],
      ...['campaigns:write', 'calendar:read', 'calendar:write', 'messages:read', 'messages:write', 'webhooks:manage'],
    ];
    const administration = ['agents:write', 'phone-numbers:read', 'phone-numbers:write', 'api-keys:manage'];
    expect(SCOPES).toEqual(expect.arrayContaining([...contract, ...administration]));
    expect(new Set(SCOPES).size).toBe(SCOPES.length);
  });
});
