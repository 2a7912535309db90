import { type CallingHours, isWithin, localTime, showCallingHours, showLocalTime } from './calling-hours.js';

/** Rules for the numbers that an organization may dial. */
export interface DiallingPolicy {
  /** E.164 prefixes such as `+39`; empty: no restriction by this rule. */
  allowedPrefixes: readonly string[];
  refusedPrefixes: readonly string[];
  allowPremium: boolean;
  allowSatellite: boolean;
  /** In the currency of the settings; null: no limit. */
  maxSpendPerDay: number | null;
  maxCallsPerNumberPerDay: number | null;
  /** Null: at any time. */
  callingHours: CallingHours | null;
  /** With calling hours: whether to allow numbers with an unknown time zone. */
  allowUnknownTimeZone: boolean;
}

/** The policy of an organization without its own. */
export const DEFAULT_POLICY: DiallingPolicy = {
  allowedPrefixes: [],
  refusedPrefixes: [],
  allowPremium: false,
  allowSatellite: false,
  maxSpendPerDay: null,
  maxCallsPerNumberPerDay: null,
  callingHours: null,
  allowUnknownTimeZone: false,
};

/** `unknown`: no numbering plan has the number, so it is most likely not in service. */
export type NumberType = 'ordinary' | 'premium' | 'satellite' | 'unknown';

export interface DiallingInput {
  policy: DiallingPolicy;
  /** E.164. */
  to: string;
  now: Date;
  isSuppressed: boolean;
  /** Today's other calls to the number. */
  callsToNumberToday: number;
  /** Null: unknown. */
  spentToday: number | null;
  /** All possible zones of the number; empty: unknown. */
  timeZones: readonly string[];
  numberType: NumberType;
}

type DiallingRule =
  | 'suppression'
  | 'refused_prefixes'
  | 'allowed_prefixes'
  | 'premium'
  | 'satellite'
  | 'calls_per_number'
  | 'spend_per_day'
  | 'time_zone'
  | 'calling_hours'
  | 'policy_unreadable';

interface DiallingCheck {
  rule: DiallingRule;
  /** `not_set`: the policy has no such rule. */
  result: 'passed' | 'refused' | 'not_set';
  /** For people. */
  detail: string;
}

export interface DiallingDecision {
  allowed: boolean;
  /** The first rule that refuses; null when none does. */
  rule: DiallingRule | null;
  /** For people. */
  detail: string;
  /** Every rule with its result, in the order in which they count. */
  checks: readonly DiallingCheck[];
}

/** Decides whether a number may be dialled now. Checks all rules, so that the result lists every obstacle. */
export function decideDialling(input: DiallingInput): DiallingDecision {
  return decisionOf([
    suppression(input),
    refusedPrefixes(input),
    allowedPrefixes(input),
    numberType(input, 'premium', input.policy.allowPremium),
    numberType(input, 'satellite', input.policy.allowSatellite),
    callsPerNumber(input),
    spendPerDay(input),
    ...hours(input),
  ]);
}

/** The decision without a readable policy: refuse. */
export const refuseUnreadable = (detail: string): DiallingDecision =>
  decisionOf([{ rule: 'policy_unreadable', result: 'refused', detail }]);

function decisionOf(checks: readonly DiallingCheck[]): DiallingDecision {
  const refusal = checks.find(({ result }) => result === 'refused');
  if (refusal) return { allowed: false, rule: refusal.rule, detail: refusal.detail, checks };
  return { allowed: true, rule: null, detail: 'The dialling policy allows the call', checks };
}

/** The result of a rule, with the text for both cases. */
const check = (rule: DiallingRule, holds: boolean, passed: string, refused: string): DiallingCheck =>
  holds ? { rule, result: 'passed', detail: passed } : { rule, result: 'refused', detail: refused };
const notSet = (rule: DiallingRule, detail: string): DiallingCheck => ({ rule, result: 'not_set', detail });

const suppression = ({ isSuppressed }: DiallingInput) =>
  check('suppression', !isSuppressed, 'The number is not suppressed', 'The number is on the suppression list');

function refusedPrefixes({ policy, to }: DiallingInput): DiallingCheck {
  const rule = 'refused_prefixes';
  if (policy.refusedPrefixes.length === 0) return notSet(rule, 'No prefix is refused');
  const prefix = policy.refusedPrefixes.find((each) => to.startsWith(each));
  return check(rule, prefix === undefined, 'No refused prefix', `Numbers that begin with ${prefix ?? ''} are refused`);
}

function allowedPrefixes({ policy, to }: DiallingInput): DiallingCheck {
  const rule = 'allowed_prefixes';
  if (policy.allowedPrefixes.length === 0) return notSet(rule, 'Every prefix is allowed');
  const prefix = policy.allowedPrefixes.find((each) => to.startsWith(each));
  return check(
    rule,
    prefix !== undefined,
    `Numbers that begin with ${prefix ?? ''} are allowed`,
    'The number begins with none of the allowed prefixes',
  );
}

function numberType(input: DiallingInput, rule: 'premium' | 'satellite', isAllowed: boolean): DiallingCheck {
  if (input.numberType !== rule) return check(rule, true, `Not a ${rule} number`, '');
  const setting = rule === 'premium' ? 'allowPremium' : 'allowSatellite';
  return check(rule, isAllowed, `The policy allows ${rule} numbers`, `A ${rule} number, and ${setting} is false`);
}

function callsPerNumber({ policy, callsToNumberToday }: DiallingInput): DiallingCheck {
  const rule = 'calls_per_number';
  const max = policy.maxCallsPerNumberPerDay;
  if (max === null) return notSet(rule, 'The calls to one number a day are not limited');
  const detail = `${callsToNumberToday} of ${max} calls a day to this number have been made`;
  return check(rule, callsToNumberToday < max, detail, detail);
}

function spendPerDay({ policy, spentToday }: DiallingInput): DiallingCheck {
  const rule = 'spend_per_day';
  const max = policy.maxSpendPerDay;
  if (max === null) return notSet(rule, 'The spend a day is not limited');
  if (spentToday === null) return check(rule, false, '', 'The spend a day is limited, and what is spent is not known');
  const detail = `${spentToday} of ${max} a day have been spent`;
  return check(rule, spentToday < max, detail, detail);
}

/** All possible zones must be inside the hours; a zone that Node does not know counts as unknown. */
function hours({ policy, now, timeZones }: DiallingInput): DiallingCheck[] {
  const { callingHours, allowUnknownTimeZone } = policy;
  if (!callingHours) {
    const detail = 'Calls may be made at any time';
    return [notSet('time_zone', detail), notSet('calling_hours', detail)];
  }
  const zones = timeZones.map((zone) => ({ zone, time: localTime(zone, now) }));
  const isKnown = zones.length > 0 && zones.every(({ time }) => time !== undefined);
  const zone = check(
    'time_zone',
    isKnown || allowUnknownTimeZone,
    isKnown ? timeZones.join(', ') : 'The time zone of the number is not known, which the policy allows',
    'The time zone of the number is not known, and allowUnknownTimeZone is false',
  );
  const outside = zones.find(({ time }) => time && !isWithin(callingHours, time));
  const when = outside?.time ? `It is ${showLocalTime(outside.time)} in ${outside.zone}` : '';
  const allowed = `calling hours are ${showCallingHours(callingHours)}`;
  return [zone, check('calling_hours', !outside, `Inside: ${allowed}`, `${when}; ${allowed}`)];
}
