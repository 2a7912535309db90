import { setTimeout as delay } from 'node:timers/promises';
import { type Log, withTimeout } from '../lib/platform/index.js';
import { type CallLeg } from '../telephony/index.js';

const ATTEMPTS = 3;
const ATTEMPT_MS = 3_000;
const RETRY_MS = 1_000;

/** Hangs up a leg, with retries. Never rejects. */
export async function hangUpLeg(leg: CallLeg, callId: string, log: Log): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      await withTimeout(ATTEMPT_MS, 'hanging up', leg.hangup());
      return;
    } catch (error) {
      log.error({ err: error, callId, attempt }, 'a leg could not be hung up');
    }
    if (attempt < ATTEMPTS) await delay(RETRY_MS);
  }
}
