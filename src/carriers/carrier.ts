import { toSipCarrier } from './sip-carrier.js';

/** The kinds of carrier that an organization can add. A new kind adds its line here and in `telephony/providers.ts`. */
export const STORED_CARRIERS = {
  sip: { needsTargets: true, toCarrier: toSipCarrier },
};
export type StoredCarrierKind = keyof typeof STORED_CARRIERS;
export const CARRIER_KINDS = Object.keys(STORED_CARRIERS) as StoredCarrierKind[];

/** The carrier of test mode. */
export interface SimulatorCarrier {
  kind: 'simulator';
  id: string;
}

/** The carrier of a call's line. */
export type Carrier = ReturnType<(typeof STORED_CARRIERS)[StoredCarrierKind]['toCarrier']> | SimulatorCarrier;
export type CarrierKind = Carrier['kind'];

export const SIMULATOR_CARRIER: SimulatorCarrier = { kind: 'simulator', id: 'simulator' };
