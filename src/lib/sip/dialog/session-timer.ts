import { parseParams, parseNumber } from '../message/sip-text.js';
import { Timer } from '../transaction/sip-timers.js';

export interface SessionTerms {
  seconds: number;
  /** The party that sends the refresh requests. */
  refresher: 'us' | 'them';
}

export interface SessionTimerDeps {
  secondMs: number;
  onRefresh: () => void;
  /** The session expired without a refresh. */
  onExpired: () => void;
}

export const MIN_SESSION_SECONDS = 90;
const MAX_SECONDS = 86_400;

/**
 * Parses Session-Expires (RFC 4028); undefined for an absent or invalid header.
 * @param uac the party that sent the request of this header
 */
export function parseSessionExpires(
  header: string | undefined,
  uac: SessionTerms['refresher'],
): SessionTerms | undefined {
  const [number, ...rest] = (header ?? '').split(';');
  const seconds = parseNumber(number);
  if (seconds === undefined || seconds === 0) return undefined;
  const uas = uac === 'us' ? 'them' : 'us';
  const refresher = parseParams(rest.join(';')).get('refresher')?.toLowerCase() === 'uas' ? uas : uac;
  return { seconds: Math.min(seconds, MAX_SECONDS), refresher };
}

/** Keeps a session alive, or notices that it is not (RFC 4028 section 10). Owns two timers. */
export class SessionTimer {
  private readonly refresh = new Timer();
  private readonly expiry = new Timer();
  private current: SessionTerms | undefined;

  constructor(private readonly parts: SessionTimerDeps) {}

  get terms(): SessionTerms | undefined {
    return this.current;
  }

  /** Starts again, with what both sides agreed on; without terms the session does not expire. */
  arm(terms: SessionTerms | undefined): void {
    this.stop();
    this.current = terms;
    if (!terms) return;
    const { secondMs, onRefresh, onExpired } = this.parts;
    const { seconds } = terms;
    if (terms.refresher === 'us') this.refresh.set((seconds * secondMs) / 2, onRefresh);
    this.expiry.set((seconds - Math.min(32, seconds / 3)) * secondMs, onExpired);
  }

  stop(): void {
    this.refresh.stop();
    this.expiry.stop();
  }
}
