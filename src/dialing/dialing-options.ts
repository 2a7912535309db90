import { type TimeLimits } from './leg-timeouts.js';

/** Limits of running calls; 0 is no limit. A limit of the organization or the number replaces it. */
export interface CallLimits {
  callsPerOrganization: number;
  callsPerNumber: number;
  /** New calls of a carrier in any rolling second. */
  callsPerSecond: number;
  /** Concurrent calls of a carrier. */
  channels?: number;
}

export const NO_LIMITS: CallLimits = { callsPerOrganization: 0, callsPerNumber: 0, callsPerSecond: 0 };

export interface DialingOptions extends TimeLimits {
  limits: CallLimits;
  /** Time without a renewal after which another worker takes a call over. */
  leaseMs: number;
  /** Whether the settings name a carrier for numbers without one. */
  hasDefaultCarrier?: boolean;
  /** Longest wait for a provider to accept a call, before its outcome is looked up. */
  providerTimeoutMs?: number | undefined;
}

/** Injects the options of dialing. */
export const DIALING_OPTIONS = Symbol('dialing options');
