import { type CarrierTarget } from './sip-carrier.js';

export interface TargetHealth extends CarrierTarget {
  ok: boolean;
  /** The SIP status of the answer; null without an answer. */
  status: number | null;
  /** Milliseconds until the answer. */
  rttMs: number | null;
  /** Why the target could not be asked. */
  problem: string | null;
}

/** Asks the targets of a carrier whether they answer; telephony implements it. */
export abstract class CarrierHealth {
  abstract ping(targets: readonly CarrierTarget[], verifyTls: boolean): Promise<TargetHealth[]>;
}
