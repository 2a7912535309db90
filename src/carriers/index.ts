export { CarrierEntity } from './carrier.entity.js';
export { CarriersForCalls } from './carriers-for-calls.js';
export { CarriersApiModule, CarriersModule } from './carriers.module.js';
export { CarrierHealth, type TargetHealth } from './carrier-health.js';
export { noCarrier } from './no-carrier.js';
export { PhoneNumberEntity } from './phone-number.entity.js';
export { PhoneNumbersService } from './phone-numbers.service.js';
export { type CarrierTarget, DEFAULT_CARRIER_ID, formatNumber, type SipCarrier } from './sip-carrier.js';
export { type Carrier, type CarrierKind, SIMULATOR_CARRIER } from './carrier.js';
