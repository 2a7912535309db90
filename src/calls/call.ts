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

/** The statuses of the contract. */
export const CALL_STATUSES = ['queued', 'in_progress', 'completed', 'failed', 'cancelled'] as const;
export type CallStatus = (typeof CALL_STATUSES)[number];

interface Known {
  facts: CallFacts;
  createdAt: string;
  /** How often dialling was begun. */
  attempt: number;
  recording?: string | undefined;
  answeredBy?: AnsweredBy | undefined;
  transfer?: Transfer | undefined;
  quality?: LineQuality | undefined;
  /** Of the agent that the last attempt was made with. */
  agentVersion?: number | undefined;
  /** The last number of what its conversation told. */
  told?: number | undefined;
}

/** An attempt under way: only what bears its claim is about it. */
interface Attempted extends Known {
  claim: string;
}

/** A call as its events leave it. `dialing` and `connected` are both `in_progress` to the outside. */
export type CallState =
  | { is: 'unknown' }
  | ({ is: 'queued'; notBefore: string | undefined } & Known)
  | ({ is: 'dialing'; ringing: boolean } & Attempted)
  | ({ is: 'connected'; startedAt: string } & Attempted)
  | ({
      is: 'ended';
      status: 'completed' | 'failed' | 'cancelled';
      startedAt: string | undefined;
      endedAt: string;
      disconnectionReason: DisconnectionReason;
      outcome: Outcome;
      assessment?: Assessment | undefined;
      costs?: CallCosts | undefined;
    } & Known);

export const UNKNOWN_CALL: CallState = { is: 'unknown' };

/**
 * What can be asked of a call. Every command brings its own time: nothing here reads a clock. Reports of an attempt name
 * its claim; those of an attempt that is past are too late. Without a claim they are about the attempt under way.
 */
export type CallCommand =
  | { type: 'QueueCall'; at: string; facts: CallFacts }
  | { type: 'DialCall'; at: string; provider: string; claim: string; screening?: Screening; agent?: AgentUsed }
  /** The dialling policy has refused the call. */
  | { type: 'RefuseCall'; at: string; screening: Screening }
  /** It cannot be made now, and nobody was asked: later. */
  | { type: 'PostponeCall'; at: string; reason: string; notBefore: string }
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
      /** Only if nobody has answered by then. */
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

/**
 * What a command makes happen to a call: events, or none when it is already so or too late to matter.
 * @throws DomainError when the command cannot apply and whoever gave it should know
 */
export function decide(command: CallCommand, state: CallState): CallEvent[] {
  if (command.type === 'QueueCall')
    return state.is === 'unknown' ? [{ type: 'call.queued', data: { at: command.at, ...command.facts } }] : [];
  if (state.is === 'unknown') throw notFound('Call');
  const { at } = command;
  switch (command.type) {
    case 'CancelCall':
      return cancel(at, state);
    case 'HangUpCall':
      return hangUp(at, state);
    case 'DialCall': {
      if (state.is !== 'queued') throw new DomainError('conflict', 'Only a queued call can be dialled');
      const { provider, claim, screening, agent } = command;
      const data = { at, attempt: state.attempt + 1, provider, claim, ...agent };
      const dialing: CallEvent = { type: 'call.dialing', data };
      return screening ? [{ type: 'call.screened', data: { at, ...screening } }, dialing] : [dialing];
    }
    case 'RefuseCall':
      return state.is === 'queued' ? refuse(at, command.screening) : [];
    case 'PostponeCall': {
      const { reason, notBefore } = command;
      return state.is === 'queued' && state.notBefore !== notBefore
        ? [{ type: 'call.deferred', data: { at, reason, notBefore } }]
        : [];
    }
    case 'DeferCall': {
      const { reason, notBefore } = command;
      return state.is === 'dialing' && isAbout(command, state)
        ? [{ type: 'call.deferred', data: { at, reason, notBefore } }]
        : [];
    }
    case 'ReportRinging':
      return state.is === 'dialing' && !state.ringing && isAbout(command, state)
        ? [{ type: 'call.ringing', data: { at } }]
        : [];
    case 'ReportAnswer':
      return state.is === 'dialing' && isAbout(command, state) ? [{ type: 'call.started', data: { at } }] : [];
    case 'ReportAnsweredBy': {
      const { by, reason } = command.answeredBy;
      const isNews = state.answeredBy?.by !== by || state.answeredBy.reason !== reason;
      return state.is === 'connected' && isNews && isAbout(command, state)
        ? [{ type: 'call.answered_by', data: { at, by, reason } }]
        : [];
    }
    case 'ReportToolUse':
      return isNewsOfTalk(command, state)
        ? [{ type: 'call.tool_used', data: { at, number: command.number, ...command.use } }]
        : [];
    case 'ReportProviderFailure':
      return isNewsOfTalk(command, state)
        ? [{ type: 'call.provider_failed', data: { at, number: command.number, ...command.failure } }]
        : [];
    case 'ReportTransfer': {
      const isNews = state.is === 'connected' && !state.transfer && isAbout(command, state);
      return isNews ? [{ type: 'call.transferred', data: { at, ...command.transfer } }] : [];
    }
    case 'ReportQuality':
      return state.quality ? [] : [{ type: 'call.measured', data: { at, quality: command.quality } }];
    case 'EndCall': {
      if (state.is === 'ended' || !isAbout(command, state)) return [];
      const { disconnectionReason, outcome, unanswered } = command;
      if (unanswered && state.is === 'connected') return [];
      // A call that was connected was carried through; one that was not has failed.
      const status = state.is === 'connected' ? 'completed' : 'failed';
      return [{ type: 'call.ended', data: { at, status, disconnectionReason, outcome } }];
    }
    case 'RecordCall': {
      const { url, durationMs } = command;
      return state.recording === url ? [] : [{ type: 'call.recorded', data: { at, url, durationMs } }];
    }
    case 'DeleteRecording':
      return state.recording === undefined ? [] : [{ type: 'call.recording_deleted', data: { at } }];
    case 'AnalyzeCall':
      if (state.is !== 'ended') throw notOver();
      return state.assessment ? [] : [{ type: 'call.analyzed', data: { at, ...command.assessment } }];
    case 'CostCall':
      if (state.is !== 'ended') throw notOver();
      return state.costs ? [] : [{ type: 'call.costed', data: { at, costs: command.costs, usage: command.usage } }];
  }
}

/** Whether a report is about the attempt under way, or about the call as such. */
const isAbout = ({ claim }: { claim?: string }, state: CallState): boolean =>
  claim === undefined || ('claim' in state && state.claim === claim);

/** What a conversation tells may come after the end that it led to; of an attempt that is past it is no news. */
const isNewsOfTalk = (
  { claim, number }: { claim: string; number: number },
  state: Exclude<CallState, { is: 'unknown' }>,
): boolean =>
  number > (state.told ?? 0) &&
  (state.is === 'ended' ? state.startedAt !== undefined : state.is === 'connected' && state.claim === claim);

function cancel(at: string, state: Exclude<CallState, { is: 'unknown' }>): CallEvent[] {
  switch (state.is) {
    case 'connected':
      throw new DomainError('conflict', 'The call is connected and can no longer be cancelled; hang it up');
    case 'ended':
      if (state.status === 'cancelled') return [];
      throw alreadyOver(state.status);
    case 'queued':
    case 'dialing':
      return [ended(at, 'cancelled', 'cancelled', 'Cancelled before connecting')];
  }
}

function hangUp(at: string, state: Exclude<CallState, { is: 'unknown' }>): CallEvent[] {
  switch (state.is) {
    case 'connected':
      return [ended(at, 'completed', 'manual_stopped', 'Hung up by an operator')];
    case 'ended':
      if (state.disconnectionReason === 'manual_stopped') return [];
      throw alreadyOver(state.status);
    case 'queued':
    case 'dialing':
      throw new DomainError('conflict', 'The call is not connected yet; cancel it');
  }
}

const alreadyOver = (status: string): DomainError =>
  new DomainError('conflict', `The call is already over: ${status}`, { status });

const notOver = (): DomainError => new DomainError('conflict', 'The call is not over yet');

/** A refusal never reaches a carrier: both facts in one append. */
function refuse(at: string, screening: Screening): CallEvent[] {
  const outcome = { sipCode: null, responsible: 'system', retryable: false, detail: screening.detail } as const;
  return [
    { type: 'call.screened', data: { at, ...screening } },
    { type: 'call.ended', data: { at, status: 'failed', disconnectionReason: 'dial_failed', outcome } },
  ];
}

/** The end that an operator makes. */
function ended(
  at: string,
  status: 'completed' | 'cancelled',
  disconnectionReason: DisconnectionReason,
  detail: string,
): CallEvent {
  const outcome = { sipCode: null, responsible: 'operator', retryable: false, detail } as const;
  return { type: 'call.ended', data: { at, status, disconnectionReason, outcome } };
}

/** The state after an event. What comes too late or makes no sense changes nothing: `evolve` never throws. */
export function evolve(state: CallState, event: CallEvent): CallState {
  if (event.type === 'call.queued') {
    if (state.is !== 'unknown') return state;
    const { at, ...facts } = event.data;
    return { is: 'queued', facts, createdAt: at, attempt: 0, notBefore: undefined };
  }
  if (state.is === 'unknown') return state;
  // What is told of a call when it is over, too.
  if (event.type === 'call.recorded') return { ...state, recording: event.data.url };
  if (event.type === 'call.recording_deleted') return { ...state, recording: undefined };
  if (event.type === 'call.measured') return { ...state, quality: event.data.quality };
  if (event.type === 'call.tool_used' || event.type === 'call.provider_failed')
    return { ...state, told: event.data.number };
  if (state.is === 'ended') return assessed(state, event);
  const { facts, createdAt, attempt, recording, answeredBy, transfer, quality, agentVersion, told } = state;
  const known = { facts, createdAt, attempt, recording, answeredBy, transfer, quality, agentVersion, told };
  switch (event.type) {
    case 'call.dialing': {
      const { claim, attempt: begun, agentVersion: version } = event.data;
      if (state.is !== 'queued') return state;
      const anew = { agentVersion: version ?? agentVersion, told: undefined };
      return { is: 'dialing', ...known, ...anew, attempt: begun, claim, ringing: false };
    }
    case 'call.deferred': {
      const { notBefore } = event.data;
      if (state.is === 'queued') return { ...state, notBefore };
      return state.is === 'dialing' ? { is: 'queued', ...known, attempt: attempt - 1, notBefore } : state;
    }
    case 'call.ringing':
      return state.is === 'dialing' ? { ...state, ringing: true } : state;
    case 'call.started':
      return state.is === 'dialing'
        ? { is: 'connected', ...known, claim: state.claim, startedAt: event.data.at }
        : state;
    case 'call.answered_by': {
      const { by, reason } = event.data;
      return state.is === 'connected' ? { ...state, answeredBy: { by, reason } } : state;
    }
    case 'call.transferred': {
      const { to, mode } = event.data;
      return state.is === 'connected' ? { ...state, transfer: { to, mode } } : state;
    }
    case 'call.ended': {
      const { at: endedAt, status, disconnectionReason, outcome } = event.data;
      const startedAt = state.is === 'connected' ? state.startedAt : undefined;
      return { is: 'ended', ...known, status, startedAt, endedAt, disconnectionReason, outcome };
    }
    case 'call.screened':
    case 'call.analyzed':
    case 'call.costed':
    default:
      // A screening changes nothing; anything else is an event of a newer version of this program.
      return state;
  }
}

/** What is found out about a call that is over; the first word counts. */
function assessed(state: Extract<CallState, { is: 'ended' }>, event: CallEvent): CallState {
  if (event.type === 'call.analyzed' && !state.assessment) {
    const { summary, sentiment, callSuccessful, analysis } = event.data;
    return { ...state, assessment: { summary, sentiment, callSuccessful, analysis } };
  }
  if (event.type === 'call.costed' && !state.costs) return { ...state, costs: event.data.costs };
  return state;
}

/** The state that a whole history leaves. */
export const replay = (events: Iterable<CallEvent>, from: CallState = UNKNOWN_CALL): CallState => {
  let state = from;
  for (const event of events) state = evolve(state, event);
  return state;
};

/** The status that the contract has for a state; null before there is a call. */
export function statusOf(state: CallState): CallStatus | null {
  switch (state.is) {
    case 'unknown':
      return null;
    case 'queued':
      return 'queued';
    case 'dialing':
    case 'connected':
      return 'in_progress';
    case 'ended':
      return state.status;
  }
}
