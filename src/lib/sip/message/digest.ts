import { createHash } from 'node:crypto';
import { isSafeLine, parseParams, quote } from './sip-text.js';

/** A Digest challenge that we can answer (RFC 7616 section 3.3). */
export interface DigestChallenge {
  realm: string;
  nonce: string;
  opaque: string | undefined;
  /** The nonce was too old; nothing is wrong with the password. */
  stale: boolean;
  algorithm: string;
  /** Whether the challenge named the algorithm: then the answer does too. */
  named: boolean;
  qop: 'auth' | 'auth-int' | undefined;
}

export interface DigestAnswer {
  challenge: DigestChallenge;
  username: string;
  password: string;
  method: string;
  /** Exactly the Request-URI. */
  uri: string;
  body: Buffer;
  /** How often this nonce was used, from 1. */
  nonceCount: number;
  cnonce: string;
}

/** Node's name of each hash, weakest first (RFC 8760 section 2.4). */
const HASHES: readonly (readonly [string, string])[] = [
  ['MD5', 'md5'],
  ['SHA-256', 'sha256'],
  ['SHA-512-256', 'sha512-256'],
];

const baseOf = (algorithm: string): string => algorithm.replace(/-SESS$/, '');
const strength = (algorithm: string): number => HASHES.findIndex(([name]) => name === baseOf(algorithm));

/** Reads the value of WWW-Authenticate or Proxy-Authenticate; undefined for schemes and algorithms we do not know. */
export function parseChallenge(text: string): DigestChallenge | undefined {
  const [, rest] = /^\s*Digest\s+(.*)$/is.exec(text) ?? [];
  if (rest === undefined) return undefined;
  const params = parseParams(rest, ',');
  const algorithm = (params.get('algorithm') ?? 'MD5').toUpperCase();
  const realm = params.get('realm');
  const nonce = params.get('nonce');
  if (realm === undefined || nonce === undefined || nonce === '' || strength(algorithm) === -1) return undefined;
  const qop = chooseQop(params.get('qop'));
  if (qop === 'unknown') return undefined;
  const stale = params.get('stale')?.toLowerCase() === 'true';
  return { realm, nonce, opaque: params.get('opaque'), stale, algorithm, named: params.has('algorithm'), qop };
}

function chooseQop(offered: string | undefined): DigestChallenge['qop'] | 'unknown' {
  if (offered === undefined || offered.trim() === '') return undefined;
  const options = offered.split(',').map((option) => option.trim().toLowerCase());
  if (options.includes('auth')) return 'auth';
  return options.includes('auth-int') ? 'auth-int' : 'unknown';
}

/** The strongest challenge of each realm (RFC 8760 section 2.4), for credentials that may be for one realm only. */
export function chooseChallenges(values: readonly string[], realm: string | undefined): DigestChallenge[] {
  const best = new Map<string, DigestChallenge>();
  for (const value of values) {
    const challenge = parseChallenge(value);
    if (!challenge || (realm !== undefined && challenge.realm !== realm)) continue;
    const other = best.get(challenge.realm);
    if (!other || strength(other.algorithm) < strength(challenge.algorithm)) best.set(challenge.realm, challenge);
  }
  return [...best.values()];
}

/** The value of Authorization or Proxy-Authorization (RFC 7616 section 3.4). */
export function answerChallenge(answer: DigestAnswer): string {
  const { challenge, username, uri, nonceCount, cnonce } = answer;
  const count = nonceCount.toString(16).padStart(8, '0');
  const fields = [
    `username=${quote(safe(username))}`,
    `realm=${quote(challenge.realm)}`,
    `nonce=${quote(challenge.nonce)}`,
    `uri=${quote(uri)}`,
    `response="${digestResponse(answer, count)}"`,
    ...(challenge.named ? [`algorithm=${spelled(challenge.algorithm)}`] : []),
    ...(challenge.opaque === undefined ? [] : [`opaque=${quote(challenge.opaque)}`]),
    ...(challenge.qop === undefined ? [] : [`qop=${challenge.qop}`, `nc=${count}`]),
    ...(challenge.qop !== undefined || challenge.algorithm.endsWith('-SESS') ? [`cnonce="${cnonce}"`] : []),
  ];
  return `Digest ${fields.join(', ')}`;
}

function digestResponse(answer: DigestAnswer, count: string): string {
  const { challenge, username, password, method, uri, body, cnonce } = answer;
  const { realm, nonce, qop, algorithm } = challenge;
  const name = HASHES[strength(algorithm)]?.[1] ?? 'md5';
  const hash = (data: string | Buffer): string => createHash(name).update(data).digest('hex');
  const plain = hash(`${username}:${realm}:${password}`);
  const ha1 = algorithm.endsWith('-SESS') ? hash(`${plain}:${nonce}:${cnonce}`) : plain;
  const ha2 = hash(qop === 'auth-int' ? `${method}:${uri}:${hash(body)}` : `${method}:${uri}`);
  return hash(qop === undefined ? `${ha1}:${nonce}:${ha2}` : `${ha1}:${nonce}:${count}:${cnonce}:${qop}:${ha2}`);
}

const spelled = (algorithm: string): string => algorithm.replace(/-SESS$/, '-sess');

function safe(username: string): string {
  if (!isSafeLine(username)) throw new TypeError('A SIP user name holds characters that headers cannot');
  return username;
}
