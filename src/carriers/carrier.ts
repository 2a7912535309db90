import { type SipCarrier } from './sip-carrier.js';

/** The carrier of test mode. */
export interface SimulatorCarrier {
  kind: 'simulator';
  id: 'simulator';
}

/** What a call is dialled through; a new kind of carrier joins this union. */
export type Carrier = SipCarrier | SimulatorCarrier;
export type CarrierKind = Carrier['kind'];

export const SIMULATOR_CARRIER: SimulatorCarrier = { kind: 'simulator', id: 'simulator' };
