export { endedLeg } from './ended-leg.js';
export { type CallLeg, type FoundLeg, type LegEnd, type LegSignal, type LineSetup } from './provider.js';
export { SIMULATOR_NUMBERS } from './simulator/simulator-numbers.js';
export { SimulatorProvider } from './simulator/simulator.provider.js';
export { SipCarrierHealth } from './sip-trunk/carrier-health.js';
export { SipLegLedger } from './sip-trunk/sip-leg-ledger.js';
export { TelephonyProviders } from './providers.js';
export { TelephonyModule } from './telephony.module.js';
