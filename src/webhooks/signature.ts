import { createHmac, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';
/** Within the 24 to 64 bytes of the Standard Webhooks specification. */
const SECRET_BYTES = 32;

/** A new secret: `whsec_` and base64, the form in which libraries of Standard Webhooks take it. */
export const generateSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64');

export interface Signed {
  /** The same for every attempt. */
  id: string;
  event: string;
  body: string;
  /** Unix seconds of the attempt. */
  timestamp: number;
  /** The newest first. */
  secrets: readonly [string, ...string[]];
}

/**
 * The headers that let a receiver tell that a delivery is ours. `X-Replicer-Signature` (the contract) covers the body
 * alone and is keyed with the secret as it was shown; `webhook-signature` (Standard Webhooks 1.0) binds id and time as
 * well, so that replays can be refused, and is keyed with the bytes that the secret encodes. While an old secret is
 * still good, the latter has a signature for each. The former has room for one, and it is that of the old secret: receivers
 * are given the new one in that time, and those that know one signature only must not fail before.
 */
export function signedHeaders({ id, event, body, timestamp, secrets }: Signed): Record<string, string> {
  const signatures = secrets.map((secret) => `v1,${standardSignature(secret, `${id}.${timestamp}.${body}`)}`);
  return {
    'X-Replicer-Event': event,
    'X-Replicer-Delivery-Id': id,
    'X-Replicer-Timestamp': String(timestamp),
    'X-Replicer-Signature': createHmac('sha256', secrets.at(-1) ?? secrets[0])
      .update(body)
      .digest('hex'),
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  };
}

function standardSignature(secret: string, content: string): string {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  return createHmac('sha256', key).update(content).digest('base64');
}
