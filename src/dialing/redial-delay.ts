const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 15_000;

/** Time until a deferred call may be dialled again: it doubles with each earlier deferral. */
export const redialDelayMs = (deferrals: number): number => Math.min(FIRST_DELAY_MS * 2 ** deferrals, MAX_DELAY_MS);

/** The moment of the next dial, ISO 8601. */
export const redialAt = (deferrals: number, from = Date.now()): string =>
  new Date(from + redialDelayMs(deferrals)).toISOString();
