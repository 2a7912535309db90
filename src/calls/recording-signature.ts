import { createHmac, timingSafeEqual } from 'node:crypto';

/** `forged`: the signature is not of this server's key. */
export type LinkProblem = 'expired' | 'forged';

const sign = (key: Buffer, callId: string, expires: number): string =>
  createHmac('sha256', key).update(`recording\n${callId}\n${expires}`).digest('base64url');

/** Path and query of a recording, valid until `expiresAt`. */
export function recordingPath(key: Buffer, callId: string, expiresAt: Date): string {
  const expires = Math.floor(expiresAt.getTime() / 1000);
  return `/recordings/${callId}.wav?expires=${expires}&signature=${sign(key, callId, expires)}`;
}

/** @returns why a link is not valid; undefined for a valid one */
export function checkLink(
  key: Buffer,
  callId: string,
  expires: string,
  signature: string,
  now: Date,
): LinkProblem | undefined {
  const seconds = /^\d{1,12}$/.test(expires) ? Number(expires) : 0;
  const expected = Buffer.from(sign(key, callId, seconds));
  const given = Buffer.from(signature);
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) return 'forged';
  return seconds * 1000 < now.getTime() ? 'expired' : undefined;
}
