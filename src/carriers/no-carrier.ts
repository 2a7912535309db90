/** Where no call can be made from, and what to do about it. */
export const noCarrier = (fromNumber: string): string =>
  `No carrier is configured for live calls from ${fromNumber}: add one with POST /v1/carriers and give it to the number ` +
  'with PATCH /v1/phone-numbers/{id}, or set SIP_CARRIER. Calls made with a rpl_test_ key are simulated';
