export {
  type CallLeg,
  type DialRequest,
  type FoundLeg,
  type LegEnd,
  type LegEndReason,
  type LegSignal,
  type TelephonyProvider,
} from './telephony-provider.js';
export { SIMULATOR_NUMBERS } from './simulator/simulator-script.js';
export { SimulatorProvider } from './simulator/simulator.provider.js';
export { PhoneNumberEntity } from './phone-number.entity.js';
export { PhoneNumbersService } from './phone-numbers.service.js';
export { TelephonyApiModule, TelephonyModule } from './telephony.module.js';
