import { type LegEnd } from '../telephony/index.js';
import { type CallCommand, responsibleFor } from '../calls/index.js';

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;

/** How long a call waits that its carrier has sent back to the line, by how often that happened before. */
export const waitAfter = (deferrals: number): number => Math.min(FIRST_WAIT_MS * 2 ** deferrals, LONGEST_WAIT_MS);

/**
 * The command for a leg's end. A carrier without a free channel sends the call back to the line.
 * @param deferrals how often the call was sent back before
 */
export function endOf(end: LegEnd & { at: Date }, claim: string, deferrals = 0): CallCommand {
  const at = end.at.toISOString();
  if (end.reason === 'capacity') {
    const notBefore = new Date(end.at.getTime() + waitAfter(deferrals)).toISOString();
    return { type: 'DeferCall', at, claim, reason: end.detail ?? 'The carrier has no channel free', notBefore };
  }
  const { sipCode, by: responsible, detail, reason } = end;
  const outcome = { sipCode, responsible, retryable: responsibleFor(reason).retryable, detail };
  return { type: 'EndCall', at, claim, disconnectionReason: reason, outcome };
}
