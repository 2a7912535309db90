import { DomainError, notFound } from '../lib/platform/errors/domain-error.js';
import {
  type AgentUsed,
  type AnsweredBy,
  type Assessment,
  type CallCosts,
  type CallEvent,
  type CallFacts,
  type CallUsage,
  type DisconnectionReason,
  type LineQuality,
  type Outcome,
  type ProviderFailure,
  type Screening,
  type ToolUse,
  type Transfer,
} from './call-events.js';
import { type CallState, type ExistingCall } from './call-state.js';

/**
 * The commands of a call. Every command brings its own time: this file reads no clock. A report with a claim concerns
 * the attempt of that claim and is ignored once the attempt is past; one without concerns the attempt in progress.
 */
export type CallCommand =
  | { type: 'QueueCall'; at: string; facts: CallFacts }
  | { type: 'DialCall'; at: string; provider: string; claim: string; screening?: Screening; agent?: AgentUsed }
  /** The dialling policy refuses the call. */
  | { type: 'RefuseCall'; at: string; screening: Screening }
  /** The call cannot be dialled now; no carrier was asked. */
  | { type: 'PostponeCall'; at: string; reason: string; notBefore: string }
  /** The attempt did not take place: back to the queue. */
  | { type: 'DeferCall'; at: string; claim: string; reason: string; notBefore: string }
  | { type: 'ReportRinging'; at: string; claim?: string }
  | { type: 'ReportAnswer'; at: string; claim?: string }
  | { type: 'ReportAnsweredBy'; at: string; claim?: string; answeredBy: AnsweredBy }
  | { type: 'ReportToolUse'; at: string; claim: string; number: number; use: ToolUse }
  | { type: 'ReportProviderFailure'; at: string; claim: string; number: number; failure: ProviderFailure }
  | { type: 'ReportTransfer'; at: string; claim?: string; transfer: Transfer }
  | { type: 'ReportQuality'; at: string; quality: LineQuality }
  | {
      type: 'EndCall';
      at: string;
      claim?: string;
      /** Ends the call only if it is not connected. */
      unanswered?: true;
      disconnectionReason: DisconnectionReason;
      outcome: Outcome;
    }
  | { type: 'CancelCall'; at: string }
  | { type: 'HangUpCall'; at: string }
  | { type: 'RecordCall'; at: string; url: string; durationMs?: number }
  | { type: 'DeleteRecording'; at: string }
  | { type: 'AnalyzeCall'; at: string; assessment: Assessment }
  | { type: 'CostCall'; at: string; costs: CallCosts; usage: CallUsage };

type Command<Type extends CallCommand['type']> = Extract<CallCommand, { type: Type }>;

/**
 * The events that a command adds to a call; none when they would repeat the state or come too late.
 * @throws DomainError when the command contradicts the state
 */
export function decide(command: CallCommand, state: CallState): CallEvent[] {
  if (command.type === 'QueueCall')
    return state.status === 'unknown' ? [{ type: 'call.queued', data: { at: command.at, ...command.facts } }] : [];
  if (state.status === 'unknown') throw notFound('Call');
  switch (command.type) {
    case 'DialCall':
      return dial(command, state);
    case 'RefuseCall':
      return state.status === 'queued' ? refuse(command) : [];
    case 'PostponeCall':
      return state.status === 'queued' && state.notBefore !== command.notBefore ? [deferred(command)] : [];
    case 'DeferCall':
      return state.status === 'dialing' && isCurrent(command, state) ? [deferred(command)] : [];
    case 'EndCall':
      return end(command, state);
    case 'CancelCall':
      return cancel(command.at, state);
    case 'HangUpCall':
      return hangUp(command.at, state);
    case 'RecordCall':
      return state.recording === command.url ? [] : [recorded(command)];
    case 'DeleteRecording':
      return state.recording === undefined ? [] : [{ type: 'call.recording_deleted', data: { at: command.at } }];
    case 'AnalyzeCall':
      if (state.status !== 'ended') throw notOver();
      return state.assessment ? [] : [{ type: 'call.analyzed', data: { at: command.at, ...command.assessment } }];
    case 'CostCall':
      if (state.status !== 'ended') throw notOver();
      return state.costs ? [] : [costed(command)];
    case 'ReportRinging':
    case 'ReportAnswer':
    case 'ReportAnsweredBy':
    case 'ReportToolUse':
    case 'ReportProviderFailure':
    case 'ReportTransfer':
    case 'ReportQuality':
      return report(command, state);
  }
}

/** The events of what a leg, or the conversation on it, reports. */
function report(command: Extract<CallCommand, { type: `Report${string}` }>, state: ExistingCall): CallEvent[] {
  const { at } = command;
  switch (command.type) {
    case 'ReportRinging': {
      const isNew = state.status === 'dialing' && !state.ringing && isCurrent(command, state);
      return isNew ? [{ type: 'call.ringing', data: { at } }] : [];
    }
    case 'ReportAnswer':
      return state.status === 'dialing' && isCurrent(command, state) ? [{ type: 'call.started', data: { at } }] : [];
    case 'ReportAnsweredBy': {
      const { by, reason } = command.answeredBy;
      const differs = state.answeredBy?.by !== by || state.answeredBy.reason !== reason;
      const isNew = state.status === 'connected' && differs && isCurrent(command, state);
      return isNew ? [{ type: 'call.answered_by', data: { at, by, reason } }] : [];
    }
    case 'ReportToolUse': {
      const { number, use } = command;
      return isNewOfConversation(command, state) ? [{ type: 'call.tool_used', data: { at, number, ...use } }] : [];
    }
    case 'ReportProviderFailure': {
      const { number, failure } = command;
      const isNew = isNewOfConversation(command, state);
      return isNew ? [{ type: 'call.provider_failed', data: { at, number, ...failure } }] : [];
    }
    case 'ReportTransfer': {
      const isNew = state.status === 'connected' && !state.transfer && isCurrent(command, state);
      return isNew ? [{ type: 'call.transferred', data: { at, ...command.transfer } }] : [];
    }
    case 'ReportQuality':
      return state.quality ? [] : [{ type: 'call.measured', data: { at, quality: command.quality } }];
  }
}

/** Whether a command concerns the attempt in progress, or has no claim and concerns the call itself. */
const isCurrent = ({ claim }: { claim?: string }, state: CallState): boolean =>
  claim === undefined || ('claim' in state && state.claim === claim);

/**
 * Whether a tool use or provider failure is not stored yet. It may arrive after the end that the conversation led to; a
 * report of a past attempt is ignored.
 */
const isNewOfConversation = ({ claim, number }: { claim: string; number: number }, state: ExistingCall): boolean =>
  number > (state.lastReport ?? 0) &&
  (state.status === 'ended' ? state.startedAt !== undefined : state.status === 'connected' && state.claim === claim);

function dial({ at, provider, claim, screening, agent }: Command<'DialCall'>, state: ExistingCall): CallEvent[] {
  if (state.status !== 'queued') throw new DomainError('conflict', 'Only a queued call can be dialled');
  const data = { at, attempt: state.attempt + 1, provider, claim, ...agent };
  const dialing: CallEvent = { type: 'call.dialing', data };
  return screening ? [{ type: 'call.screened', data: { at, ...screening } }, dialing] : [dialing];
}

/** A refused call never reaches a carrier: the screening and the end are one append. */
function refuse({ at, screening }: Command<'RefuseCall'>): CallEvent[] {
  const outcome = { sipCode: null, responsible: 'system', retryable: false, detail: screening.detail } as const;
  return [
    { type: 'call.screened', data: { at, ...screening } },
    { type: 'call.ended', data: { at, status: 'failed', disconnectionReason: 'dial_failed', outcome } },
  ];
}

const deferred = ({ at, reason, notBefore }: Command<'PostponeCall' | 'DeferCall'>): CallEvent => ({
  type: 'call.deferred',
  data: { at, reason, notBefore },
});

const recorded = ({ at, url, durationMs }: Command<'RecordCall'>): CallEvent => ({
  type: 'call.recorded',
  data: { at, url, durationMs },
});

const costed = ({ at, costs, usage }: Command<'CostCall'>): CallEvent => ({
  type: 'call.costed',
  data: { at, costs, usage },
});

/** A connected call ends `completed`, another one `failed`. */
function end(command: Command<'EndCall'>, state: ExistingCall): CallEvent[] {
  if (state.status === 'ended' || !isCurrent(command, state)) return [];
  const { at, disconnectionReason, outcome, unanswered } = command;
  if (unanswered && state.status === 'connected') return [];
  const status = state.status === 'connected' ? 'completed' : 'failed';
  return [{ type: 'call.ended', data: { at, status, disconnectionReason, outcome } }];
}

function cancel(at: string, state: ExistingCall): CallEvent[] {
  switch (state.status) {
    case 'connected':
      throw new DomainError('conflict', 'The call is connected and can no longer be cancelled; hang it up');
    case 'ended':
      if (state.finalStatus === 'cancelled') return [];
      throw alreadyOver(state.finalStatus);
    case 'queued':
    case 'dialing':
      return [endedByOperator(at, 'cancelled', 'cancelled', 'Cancelled before connecting')];
  }
}

function hangUp(at: string, state: ExistingCall): CallEvent[] {
  switch (state.status) {
    case 'connected':
      return [endedByOperator(at, 'completed', 'manual_stopped', 'Hung up by an operator')];
    case 'ended':
      if (state.disconnectionReason === 'manual_stopped') return [];
      throw alreadyOver(state.finalStatus);
    case 'queued':
    case 'dialing':
      throw new DomainError('conflict', 'The call is not connected yet; cancel it');
  }
}

const alreadyOver = (status: string): DomainError =>
  new DomainError('conflict', `The call is already over: ${status}`, { status });

const notOver = (): DomainError => new DomainError('conflict', 'The call is not over yet');

function endedByOperator(
  at: string,
  status: 'completed' | 'cancelled',
  disconnectionReason: DisconnectionReason,
  detail: string,
): CallEvent {
  const outcome = { sipCode: null, responsible: 'operator', retryable: false, detail } as const;
  return { type: 'call.ended', data: { at, status, disconnectionReason, outcome } };
}
