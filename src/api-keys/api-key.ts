import { createHash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Every scope a key can hold: those of the contract, then those of administration. */
export const SCOPES = [
  'calls:read',
  'calls:write',
  'contacts:read',
  'contacts:write',
  'agents:read',
  'campaigns:read',
  'campaigns:write',
  'calendar:read',
  'calendar:write',
  'messages:read',
  'messages:write',
  'webhooks:manage',
  'agents:write',
  'phone-numbers:read',
  'phone-numbers:write',
  'api-keys:manage',
  'carriers:manage',
  'providers:manage',
  'events:write',
] as const;
export type Scope = (typeof SCOPES)[number];

export const ENVIRONMENTS = ['live', 'test'] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SECRET_LENGTH = 32;
const CHECKSUM_LENGTH = 6;
const FORM = new RegExp(`^rpl_(live|test)_[0-9A-Za-z]{${SECRET_LENGTH + CHECKSUM_LENGTH}}$`);

/** A new key: `rpl_<environment>_`, 32 random characters (190 bits) and a checksum of 6. */
export function generateKey(environment: Environment): string {
  const secret = Array.from({ length: SECRET_LENGTH }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');
  const body = `rpl_${environment}_${secret}`;
  return body + checksumOf(body);
}

/** Whether a text can be a key at all. What was mistyped or made up is refused without a look at the database. */
export function isWellFormedKey(key: string): boolean {
  return FORM.test(key) && checksumOf(key.slice(0, -CHECKSUM_LENGTH)) === key.slice(-CHECKSUM_LENGTH);
}

/** The stored form of a key. A key has 190 random bits, so plain SHA-256 is as safe as a slow hash. */
export const hashKey = (key: string): Buffer => createHash('sha256').update(key).digest();

/** CRC-32 in base 62: no secret, so an ordinary comparison will do. */
function checksumOf(body: string): string {
  let rest = crc32(body);
  let digits = '';
  for (let place = 0; place < CHECKSUM_LENGTH; place++) {
    digits = ALPHABET.charAt(rest % ALPHABET.length) + digits;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return digits;
}

/** What a key may hand on: never more than it holds itself. */
export const missingScopes = (held: readonly string[], wanted: readonly string[]): string[] =>
  wanted.filter((scope) => !held.includes(scope));
