/** How an attempt went. */
export interface AttemptResult {
  /** Of the answer; null when there was none. */
  status: number | null;
}

/** What becomes of a delivery after an attempt. */
export type Verdict =
  | { is: 'delivered' }
  | { is: 'pending'; retryInMs: number }
  /** `gone`: the receiver says that it wants no more, ever. */
  | { is: 'failed'; gone: boolean };

const GONE = 410;

/**
 * Only 2xx is success. A redirect is none: it is not followed, because it would lead past the checks of the address.
 * @param attempt the number of the attempt that was made, from 1
 * @param retryMs the waits before the attempts after the first; after the last of them it has failed
 */
export function verdictOf({ status }: AttemptResult, attempt: number, retryMs: readonly number[]): Verdict {
  if (status !== null && status >= 200 && status < 300) return { is: 'delivered' };
  if (status === GONE) return { is: 'failed', gone: true };
  const retryInMs = retryMs[attempt - 1];
  return retryInMs === undefined ? { is: 'failed', gone: false } : { is: 'pending', retryInMs };
}
