export { PhoneNumberEntity } from './phone-number.entity.js';
export { PhoneNumbersService } from './phone-numbers.service.js';
export { TelephonyApiModule, TelephonyModule } from './telephony.module.js';
