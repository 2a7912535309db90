import {
  type AnsweredBy,
  type Assessment,
  type CallCosts,
  type CallEvent,
  type CallFacts,
  type DisconnectionReason,
  type LineQuality,
  type Outcome,
  type Transfer,
} from './call-events.js';

/** The statuses of the contract. */
export const CALL_STATUSES = ['queued', 'in_progress', 'completed', 'failed', 'cancelled'] as const;
export type CallStatus = (typeof CALL_STATUSES)[number];

/** The part of the state that every call has. */
interface CallDetails {
  facts: CallFacts;
  createdAt: string;
  /** Number of dialling attempts, deferred ones not counted. */
  attempt: number;
  recording?: string | undefined;
  answeredBy?: AnsweredBy | undefined;
  transfer?: Transfer | undefined;
  quality?: LineQuality | undefined;
  /** The agent's version in the last attempt. */
  agentVersion?: number | undefined;
  /** Number of the last tool use or provider failure of the attempt. */
  lastReport?: number | undefined;
}

/** An attempt in progress. Only reports with its claim concern it. */
interface AttemptDetails extends CallDetails {
  claim: string;
  /** The telephony provider that the attempt was claimed for. */
  provider: string;
}

/** A call as its events leave it. The API shows `dialing` and `connected` as `in_progress`. */
export type CallState =
  | { status: 'unknown' }
  | ({ status: 'queued'; notBefore: string | undefined } & CallDetails)
  | ({ status: 'dialing'; ringing: boolean } & AttemptDetails)
  | ({ status: 'connected'; startedAt: string } & AttemptDetails)
  | ({
      status: 'ended';
      finalStatus: 'completed' | 'failed' | 'cancelled';
      startedAt: string | undefined;
      endedAt: string;
      disconnectionReason: DisconnectionReason;
      outcome: Outcome;
      assessment?: Assessment | undefined;
      costs?: CallCosts | undefined;
    } & CallDetails);

export type ExistingCall = Exclude<CallState, { status: 'unknown' }>;
export type EndedCall = Extract<CallState, { status: 'ended' }>;

export const UNKNOWN_CALL: CallState = { status: 'unknown' };

/** The state after an event. An event that is too late or does not fit changes nothing: `evolve` never throws. */
export function evolve(state: CallState, event: CallEvent): CallState {
  if (event.type === 'call.queued') {
    if (state.status !== 'unknown') return state;
    const { at, ...facts } = event.data;
    return { status: 'queued', facts, createdAt: at, attempt: 0, notBefore: undefined };
  }
  if (state.status === 'unknown') return state;
  // These may come before or after the end of the call.
  if (event.type === 'call.recorded') return { ...state, recording: event.data.url };
  if (event.type === 'call.recording_deleted') return { ...state, recording: undefined };
  if (event.type === 'call.measured') return { ...state, quality: event.data.quality };
  if (event.type === 'call.tool_used' || event.type === 'call.provider_failed')
    return { ...state, lastReport: event.data.number };
  return state.status === 'ended' ? evolveEnded(state, event) : evolveOpen(state, event);
}

type PhaseEvent = Exclude<
  CallEvent,
  {
    type:
      | 'call.queued'
      | 'call.recorded'
      | 'call.recording_deleted'
      | 'call.measured'
      | 'call.tool_used'
      | 'call.provider_failed';
  }
>;

/** The state after an event before the end of the call, or the end itself. */
function evolveOpen(state: Exclude<ExistingCall, EndedCall>, event: PhaseEvent): CallState {
  switch (event.type) {
    case 'call.dialing': {
      const { claim, provider, attempt, agentVersion } = event.data;
      if (state.status !== 'queued') return state;
      const renewed = { attempt, agentVersion: agentVersion ?? state.agentVersion, lastReport: undefined };
      return { status: 'dialing', ...detailsOf(state), ...renewed, claim, provider, ringing: false };
    }
    case 'call.deferred': {
      const { notBefore } = event.data;
      if (state.status === 'queued') return { ...state, notBefore };
      if (state.status !== 'dialing') return state;
      return { status: 'queued', ...detailsOf(state), attempt: state.attempt - 1, notBefore };
    }
    case 'call.ringing':
      return state.status === 'dialing' ? { ...state, ringing: true } : state;
    case 'call.started': {
      if (state.status !== 'dialing') return state;
      const { claim, provider } = state;
      return { status: 'connected', ...detailsOf(state), claim, provider, startedAt: event.data.at };
    }
    case 'call.answered_by': {
      const { by, reason } = event.data;
      return state.status === 'connected' ? { ...state, answeredBy: { by, reason } } : state;
    }
    case 'call.transferred': {
      const { to, mode } = event.data;
      return state.status === 'connected' ? { ...state, transfer: { to, mode } } : state;
    }
    case 'call.ended': {
      const { at: endedAt, status: finalStatus, disconnectionReason, outcome } = event.data;
      const startedAt = state.status === 'connected' ? state.startedAt : undefined;
      const details = detailsOf(state);
      return { status: 'ended', ...details, finalStatus, startedAt, endedAt, disconnectionReason, outcome };
    }
    case 'call.screened':
    case 'call.analyzed':
    case 'call.costed':
    default:
      // A screening changes nothing; an unknown type comes from a newer version of this program.
      return state;
  }
}

/** The state after an event of an ended call. The first assessment and the first costs count. */
function evolveEnded(state: EndedCall, event: PhaseEvent): EndedCall {
  if (event.type === 'call.analyzed' && !state.assessment) {
    const { summary, sentiment, callSuccessful, analysis } = event.data;
    return { ...state, assessment: { summary, sentiment, callSuccessful, analysis } };
  }
  if (event.type === 'call.costed' && !state.costs) return { ...state, costs: event.data.costs };
  return state;
}

function detailsOf(state: ExistingCall): CallDetails {
  const { facts, createdAt, attempt, recording, answeredBy, transfer, quality, agentVersion, lastReport } = state;
  return { facts, createdAt, attempt, recording, answeredBy, transfer, quality, agentVersion, lastReport };
}

/** The state after a whole history. */
export const replay = (events: Iterable<CallEvent>, from: CallState = UNKNOWN_CALL): CallState => {
  let state = from;
  for (const event of events) state = evolve(state, event);
  return state;
};

/** The contract's status of a call; null for an unknown one. */
export function statusOf(state: CallState): CallStatus | null {
  switch (state.status) {
    case 'unknown':
      return null;
    case 'queued':
      return 'queued';
    case 'dialing':
    case 'connected':
      return 'in_progress';
    case 'ended':
      return state.finalStatus;
  }
}
