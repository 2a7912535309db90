import { type LegEnd } from '../telephony/index.js';
import { type CallCommand, responsibleFor } from '../calls/index.js';
import { redialAt } from './redial-delay.js';

/**
 * The command for the end of a leg. A carrier without a free channel defers the call.
 * @param deferrals how often the call was deferred before
 */
export function legEndCommand(end: LegEnd & { at: Date }, claim: string, deferrals = 0): CallCommand {
  const at = end.at.toISOString();
  if (end.reason === 'capacity') {
    const notBefore = redialAt(deferrals, end.at.getTime());
    return { type: 'DeferCall', at, claim, reason: end.detail ?? 'The carrier has no channel free', notBefore };
  }
  const { sipCode, by: responsible, detail, reason } = end;
  const outcome = { sipCode, responsible, retryable: responsibleFor(reason).retryable, detail };
  return { type: 'EndCall', at, claim, disconnectionReason: reason, outcome };
}
