import { DomainError, notFound } from '../platform/domain-error.js';
import { type CallEvent, type CallFacts, type DisconnectionReason, type Outcome } from './call-events.js';

/** The statuses of the contract. */
export const CALL_STATUSES = ['queued', 'in_progress', 'completed', 'failed', 'cancelled'] as const;
export type CallStatus = (typeof CALL_STATUSES)[number];

interface Known {
  facts: CallFacts;
  createdAt: string;
  /** How often dialling was begun. */
  attempt: number;
}

/** A call as its events leave it. `dialing` and `connected` are both `in_progress` to the outside. */
export type CallState =
  | { is: 'unknown' }
  | ({ is: 'queued' } & Known)
  | ({ is: 'dialing'; ringing: boolean } & Known)
  | ({ is: 'connected'; startedAt: string } & Known)
  | ({
      is: 'ended';
      status: 'completed' | 'failed' | 'cancelled';
      startedAt: string | undefined;
      endedAt: string;
      disconnectionReason: DisconnectionReason;
      outcome: Outcome;
    } & Known);

export const UNKNOWN_CALL: CallState = { is: 'unknown' };

/** What can be asked of a call. Every command brings its own time: nothing here reads a clock. */
export type CallCommand =
  | { type: 'QueueCall'; at: string; facts: CallFacts }
  | { type: 'DialCall'; at: string; provider: string; claim: string }
  | { type: 'ReportRinging'; at: string }
  | { type: 'ReportAnswer'; at: string }
  | { type: 'EndCall'; at: string; disconnectionReason: DisconnectionReason; outcome: Outcome }
  | { type: 'CancelCall'; at: string };

/**
 * What a command makes happen to a call: events, or none when it is already so or too late to matter.
 * @throws DomainError when the command cannot apply and whoever gave it should know
 */
export function decide(command: CallCommand, state: CallState): CallEvent[] {
  switch (command.type) {
    case 'QueueCall':
      return state.is === 'unknown' ? [{ type: 'call.queued', data: { at: command.at, ...command.facts } }] : [];
    case 'CancelCall':
      return cancel(command.at, state);
    case 'DialCall': {
      if (state.is === 'unknown') throw notFound('Call');
      if (state.is !== 'queued') throw new DomainError('conflict', 'Only a queued call can be dialled');
      const { at, provider, claim } = command;
      return [{ type: 'call.dialing', data: { at, attempt: state.attempt + 1, provider, claim } }];
    }
    case 'ReportRinging':
      return state.is === 'dialing' && !state.ringing ? [{ type: 'call.ringing', data: { at: command.at } }] : [];
    case 'ReportAnswer':
      return state.is === 'dialing' ? [{ type: 'call.started', data: { at: command.at } }] : [];
    case 'EndCall': {
      if (state.is === 'unknown') throw notFound('Call');
      if (state.is === 'ended') return [];
      const { at, disconnectionReason, outcome } = command;
      // A call that was connected was carried through; one that was not has failed.
      const status = state.is === 'connected' ? 'completed' : 'failed';
      return [{ type: 'call.ended', data: { at, status, disconnectionReason, outcome } }];
    }
  }
}

function cancel(at: string, state: CallState): CallEvent[] {
  switch (state.is) {
    case 'unknown':
      throw notFound('Call');
    case 'connected':
      throw new DomainError('conflict', 'The call is connected and can no longer be cancelled');
    case 'ended':
      throw new DomainError('conflict', `The call is already over: ${state.status}`, { status: state.status });
    case 'queued':
    case 'dialing':
      return [
        {
          type: 'call.ended',
          data: {
            at,
            status: 'cancelled',
            disconnectionReason: 'cancelled',
            outcome: {
              sipCode: null,
              responsible: 'operator',
              retryable: false,
              detail: 'Cancelled before connecting',
            },
          },
        },
      ];
  }
}

/** The state after an event. What comes too late or makes no sense changes nothing: `evolve` never throws. */
export function evolve(state: CallState, event: CallEvent): CallState {
  if (event.type === 'call.queued') {
    if (state.is !== 'unknown') return state;
    const { at, ...facts } = event.data;
    return { is: 'queued', facts, createdAt: at, attempt: 0 };
  }
  if (state.is === 'unknown' || state.is === 'ended') return state;
  const { facts, createdAt, attempt } = state;
  const known = { facts, createdAt, attempt };
  switch (event.type) {
    case 'call.dialing':
      return state.is === 'connected'
        ? state
        : { is: 'dialing', ...known, attempt: event.data.attempt, ringing: false };
    case 'call.ringing':
      return state.is === 'dialing' ? { ...state, ringing: true } : state;
    case 'call.started':
      return state.is === 'dialing' ? { is: 'connected', ...known, startedAt: event.data.at } : state;
    case 'call.ended': {
      const { at: endedAt, status, disconnectionReason, outcome } = event.data;
      const startedAt = state.is === 'connected' ? state.startedAt : undefined;
      return { is: 'ended', ...known, status, startedAt, endedAt, disconnectionReason, outcome };
    }
    default:
      // An event of a newer version of this program.
      return state;
  }
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
