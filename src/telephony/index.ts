export {
  type CallLeg,
  type DialRequest,
  type FoundLeg,
  type LegEnd,
  type LegEndReason,
  type LegSignal,
  type LineSetup,
  type TelephonyProvider,
  type TransferMode,
  type TransferOptions,
  type TransferResult,
} from './telephony-provider.js';
export { SIMULATOR_NUMBERS } from './simulator/simulator-script.js';
export { SimulatorProvider } from './simulator/simulator.provider.js';
export { PhoneNumberEntity } from './phone-number.entity.js';
export { PhoneNumbersService } from './phone-numbers.service.js';
export { TelephonyApiModule, TelephonyModule } from './telephony.module.js';
export { CarrierEntity } from './carriers/carrier.entity.js';
export { CarriersForCalls } from './carriers/carriers-for-calls.js';
export { CarriersService } from './carriers/carriers.service.js';
export {
  type CarrierTarget,
  type Codec,
  DEFAULT_CARRIER_ID,
  formatNumber,
  type NumberFormat,
  type SipCarrier,
  type SipCredentials,
  type Transport,
} from './carriers/sip-carrier.js';
export { type NumberForCalls } from './phone-numbers.service.js';
export { DiallingPolicyEntity } from './dialling-policy/dialling-policy.entity.js';
export { type DiallingCheck, type DiallingDecision, type DiallingRule } from './dialling-policy/dialling-policy.js';
export { type DiallingCounts, DiallingPolicyService } from './dialling-policy/dialling-policy.service.js';
export { SuppressionEntity } from './dialling-policy/suppression.entity.js';
export { SuppressionsService } from './dialling-policy/suppressions.service.js';
export { type AudioPort } from './media/audio-port.js';
export { SipLegLedger } from './sip-carrier/sip-leg-ledger.js';
export { SipProvider } from './sip-carrier/sip.provider.js';
