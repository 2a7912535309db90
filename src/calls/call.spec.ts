import fc from 'fast-check';
import { anyCommand, anyEvent, anyForeignEvent } from '../../test/support/call-arbitraries.js';
import { DomainError } from '../lib/platform/errors/domain-error.js';
import { type CallCommand, decide } from './call.js';
import { CALL_STATUSES, evolve, replay, statusOf, UNKNOWN_CALL } from './call-state.js';
import {
  type Assessment,
  type CallCosts,
  type CallEvent,
  type CallFacts,
  type LineQuality,
  type Outcome,
  type ProviderFailure,
  type Screening,
  type ToolUse,
} from './call-events.js';

const at = '2026-04-05T14:00:00.000Z';
const later = '2026-04-05T14:04:00.000Z';

const facts: CallFacts = {
  organizationId: '01981f2e-9c1a-7b3e-8f7a-00000000000a',
  environment: 'test',
  agentId: '01981f2e-9c1a-7b3e-8f7a-000000000001',
  direction: 'OUTBOUND',
  fromNumber: '+0987654321',
  toNumber: '+1234567890',
};
const hungUp: Outcome = { sipCode: 200, responsible: 'customer', retryable: false, detail: null };
const busy: Outcome = { sipCode: 486, responsible: 'customer', retryable: true, detail: 'Busy here' };

const allowed: Screening = { allowed: true, rule: null, detail: 'Allowed' };
const suppressed: Screening = { allowed: false, rule: 'suppression', detail: 'The number is suppressed' };
const quality: LineQuality = {
  packetsSent: 100,
  packetsReceived: 98,
  packetsLost: 2,
  lossPercent: 2,
  jitterMs: 1.5,
  remoteLossPercent: null,
  roundTripMs: 20,
  mos: 4.2,
};
const assessment: Assessment = {
  summary: 'They agreed on eleven.',
  sentiment: 'positive',
  callSuccessful: true,
  analysis: { appointment: '11:00' },
};
const costs: CallCosts = {
  total: 0.01,
  currency: 'USD',
  telephony: null,
  transcription: null,
  model: 0.01,
  speech: null,
  analysis: null,
};
const usage = { model: { inputTokens: 900, outputTokens: 20 } };

const use: ToolUse = {
  name: 'look_up',
  arguments: { order: 7 },
  result: 'It was sent.',
  error: null,
  durationMs: 120,
};
const failure: ProviderFailure = {
  stage: 'model',
  provider: 'openai/gpt',
  fault: 'timeout',
  message: 'No word within 8 s',
  then: { action: 'give_up' },
};
const transfer = { to: '+15550000009', mode: 'bridge' } as const;

const queued: CallEvent = { type: 'call.queued', data: { at, ...facts } };
const dialing: CallEvent = { type: 'call.dialing', data: { at, attempt: 1, provider: 'sip', claim: 'c1' } };
const deferred: CallEvent = { type: 'call.deferred', data: { at, reason: 'No channel free', notBefore: later } };
const ringing: CallEvent = { type: 'call.ringing', data: { at } };
const started: CallEvent = { type: 'call.started', data: { at } };
const ended = (status: 'completed' | 'failed' | 'cancelled'): CallEvent => ({
  type: 'call.ended',
  data: { at, status, disconnectionReason: 'user_hangup', outcome: hungUp },
});

const manuallyStopped: CallEvent = {
  type: 'call.ended',
  data: { at, status: 'completed', disconnectionReason: 'manual_stopped', outcome: hungUp },
};

/** Histories, by their final state. */
const GIVEN = {
  'no call': [],
  'a queued call': [queued],
  'a deferred call': [queued, dialing, deferred],
  'a call being dialled': [queued, dialing],
  'a ringing call': [queued, dialing, ringing],
  'a connected call': [queued, dialing, ringing, started],
  'a call answered without ringing': [queued, dialing, started],
  'a completed call': [queued, dialing, started, ended('completed')],
  'a failed call': [queued, dialing, ended('failed')],
  'a cancelled call': [queued, ended('cancelled')],
  'a call hung up by an operator': [queued, dialing, started, manuallyStopped],
} satisfies Record<string, CallEvent[]>;
type Given = keyof typeof GIVEN;

const WHEN = {
  QueueCall: { type: 'QueueCall', at: later, facts },
  DialCall: { type: 'DialCall', at: later, provider: 'sip', claim: 'c2' },
  ReportRinging: { type: 'ReportRinging', at: later },
  ReportAnswer: { type: 'ReportAnswer', at: later },
  DeferCall: { type: 'DeferCall', at: later, claim: 'c1', reason: 'No channel free', notBefore: later },
  EndCall: { type: 'EndCall', at: later, disconnectionReason: 'dial_busy', outcome: busy },
  CancelCall: { type: 'CancelCall', at: later },
  HangUpCall: { type: 'HangUpCall', at: later },
  RecordCall: { type: 'RecordCall', at: later, url: 'https://media.example.com/1.wav' },
  RefuseCall: { type: 'RefuseCall', at: later, screening: suppressed },
  PostponeCall: { type: 'PostponeCall', at: later, reason: 'No voice', notBefore: '2026-04-05T15:00:00.000Z' },
  ReportAnsweredBy: { type: 'ReportAnsweredBy', at: later, answeredBy: { by: 'human', reason: 'short_greeting' } },
  ReportToolUse: { type: 'ReportToolUse', at: later, claim: 'c1', number: 1, use },
  ReportProviderFailure: { type: 'ReportProviderFailure', at: later, claim: 'c1', number: 1, failure },
  ReportTransfer: { type: 'ReportTransfer', at: later, transfer },
  ReportQuality: { type: 'ReportQuality', at: later, quality },
  DeleteRecording: { type: 'DeleteRecording', at: later },
  AnalyzeCall: { type: 'AnalyzeCall', at: later, assessment },
  CostCall: { type: 'CostCall', at: later, costs, usage },
} satisfies { [Type in CallCommand['type']]: CallCommand };

/** The resulting events, 'nothing' for a command without effect, or its error. */
type Then = CallEvent[] | 'stays quiet' | { code: string; message: string };

const quiet = 'stays quiet';
const missing = { code: 'not_found', message: 'Call not found' };
const notQueued = { code: 'conflict', message: 'Only a queued call can be dialled' };
const connected = { code: 'conflict', message: 'The call is connected and can no longer be cancelled; hang it up' };
const notConnected = { code: 'conflict', message: 'The call is not connected yet; cancel it' };
const notOver = { code: 'conflict', message: 'The call is not over yet' };
const over = (status: string) => ({ code: 'conflict', message: `The call is already over: ${status}` });
const end = (status: 'completed' | 'failed'): CallEvent[] => [
  { type: 'call.ended', data: { at: later, status, disconnectionReason: 'dial_busy', outcome: busy } },
];
const cancelled: CallEvent[] = [
  {
    type: 'call.ended',
    data: {
      at: later,
      status: 'cancelled',
      disconnectionReason: 'cancelled',
      outcome: { sipCode: null, responsible: 'operator', retryable: false, detail: 'Cancelled before connecting' },
    },
  },
];

const sentBack: CallEvent[] = [
  { type: 'call.deferred', data: { at: later, reason: 'No channel free', notBefore: later } },
];
const refused: CallEvent[] = [
  { type: 'call.screened', data: { at: later, ...suppressed } },
  {
    type: 'call.ended',
    data: {
      at: later,
      status: 'failed',
      disconnectionReason: 'dial_failed',
      outcome: { sipCode: null, responsible: 'system', retryable: false, detail: suppressed.detail },
    },
  },
];
const postponed: CallEvent[] = [
  { type: 'call.deferred', data: { at: later, reason: 'No voice', notBefore: '2026-04-05T15:00:00.000Z' } },
];
const answeredByHuman: CallEvent[] = [
  { type: 'call.answered_by', data: { at: later, by: 'human', reason: 'short_greeting' } },
];
const transferred: CallEvent[] = [{ type: 'call.transferred', data: { at: later, ...transfer } }];
const measured: CallEvent[] = [{ type: 'call.measured', data: { at: later, quality } }];
const used: CallEvent[] = [{ type: 'call.tool_used', data: { at: later, number: 1, ...use } }];
const failed: CallEvent[] = [{ type: 'call.provider_failed', data: { at: later, number: 1, ...failure } }];
const recorded: CallEvent[] = [{ type: 'call.recorded', data: { at: later, url: 'https://media.example.com/1.wav' } }];
const analyzed: CallEvent[] = [{ type: 'call.analyzed', data: { at: later, ...assessment } }];
const costed: CallEvent[] = [{ type: 'call.costed', data: { at: later, costs, usage } }];
const hungUpByOperator: CallEvent[] = [
  {
    type: 'call.ended',
    data: {
      at: later,
      status: 'completed',
      disconnectionReason: 'manual_stopped',
      outcome: { sipCode: null, responsible: 'operator', retryable: false, detail: 'Hung up by an operator' },
    },
  },
];

const afterTheEnd = (then: CallEvent[]): Record<Given, Then> => ({
  'no call': missing,
  'a queued call': notOver,
  'a deferred call': notOver,
  'a call being dialled': notOver,
  'a ringing call': notOver,
  'a connected call': notOver,
  'a call answered without ringing': notOver,
  'a completed call': then,
  'a failed call': then,
  'a cancelled call': then,
  'a call hung up by an operator': then,
});

const ofTheTalk = (then: CallEvent[]): Record<Given, Then> => ({
  'no call': missing,
  'a queued call': quiet,
  'a deferred call': quiet,
  'a call being dialled': quiet,
  'a ringing call': quiet,
  'a connected call': then,
  'a call answered without ringing': then,
  'a completed call': then,
  'a failed call': quiet,
  'a cancelled call': quiet,
  'a call hung up by an operator': then,
});

const THEN: Record<CallCommand['type'], Record<Given, Then>> = {
  QueueCall: {
    'no call': [{ type: 'call.queued', data: { at: later, ...facts } }],
    'a queued call': quiet,
    'a deferred call': quiet,
    'a call being dialled': quiet,
    'a ringing call': quiet,
    'a connected call': quiet,
    'a call answered without ringing': quiet,
    'a completed call': quiet,
    'a failed call': quiet,
    'a cancelled call': quiet,
    'a call hung up by an operator': quiet,
  },
  DialCall: {
    'no call': missing,
    'a queued call': [{ type: 'call.dialing', data: { at: later, attempt: 1, provider: 'sip', claim: 'c2' } }],
    'a deferred call': [{ type: 'call.dialing', data: { at: later, attempt: 1, provider: 'sip', claim: 'c2' } }],
    'a call being dialled': notQueued,
    'a ringing call': notQueued,
    'a connected call': notQueued,
    'a call answered without ringing': notQueued,
    'a completed call': notQueued,
    'a failed call': notQueued,
    'a cancelled call': notQueued,
    'a call hung up by an operator': notQueued,
  },
  ReportRinging: {
    'no call': missing,
    'a queued call': quiet,
    'a deferred call': quiet,
    'a call being dialled': [{ type: 'call.ringing', data: { at: later } }],
    'a ringing call': quiet,
    'a connected call': quiet,
    'a call answered without ringing': quiet,
    'a completed call': quiet,
    'a failed call': quiet,
    'a cancelled call': quiet,
    'a call hung up by an operator': quiet,
  },
  ReportAnswer: {
    'no call': missing,
    'a queued call': quiet,
    'a deferred call': quiet,
    'a call being dialled': [{ type: 'call.started', data: { at: later } }],
    'a ringing call': [{ type: 'call.started', data: { at: later } }],
    'a connected call': quiet,
    'a call answered without ringing': quiet,
    'a completed call': quiet,
    'a failed call': quiet,
    'a cancelled call': quiet,
    'a call hung up by an operator': quiet,
  },
  EndCall: {
    'no call': missing,
    'a queued call': end('failed'),
    'a deferred call': end('failed'),
    'a call being dialled': end('failed'),
    'a ringing call': end('failed'),
    'a connected call': end('completed'),
    'a call answered without ringing': end('completed'),
    'a completed call': quiet,
    'a failed call': quiet,
    'a cancelled call': quiet,
    'a call hung up by an operator': quiet,
  },
  CancelCall: {
    'no call': missing,
    'a queued call': cancelled,
    'a deferred call': cancelled,
    'a call being dialled': cancelled,
    'a ringing call': cancelled,
    'a connected call': connected,
    'a call answered without ringing': connected,
    'a completed call': over('completed'),
    'a failed call': over('failed'),
    'a cancelled call': quiet,
    'a call hung up by an operator': over('completed'),
  },
  DeferCall: {
    'no call': missing,
    'a queued call': quiet,
    'a deferred call': quiet,
    'a call being dialled': sentBack,
    'a ringing call': sentBack,
    'a connected call': quiet,
    'a call answered without ringing': quiet,
    'a completed call': quiet,
    'a failed call': quiet,
    'a cancelled call': quiet,
    'a call hung up by an operator': quiet,
  },
  HangUpCall: {
    'no call': missing,
    'a queued call': notConnected,
    'a deferred call': notConnected,
    'a call being dialled': notConnected,
    'a ringing call': notConnected,
    'a connected call': hungUpByOperator,
    'a call answered without ringing': hungUpByOperator,
    'a completed call': over('completed'),
    'a failed call': over('failed'),
    'a cancelled call': over('cancelled'),
    'a call hung up by an operator': quiet,
  },
  RecordCall: {
    'no call': missing,
    'a queued call': recorded,
    'a deferred call': recorded,
    'a call being dialled': recorded,
    'a ringing call': recorded,
    'a connected call': recorded,
    'a call answered without ringing': recorded,
    'a completed call': recorded,
    'a failed call': recorded,
    'a cancelled call': recorded,
    'a call hung up by an operator': recorded,
  },
  PostponeCall: {
    'no call': missing,
    'a queued call': postponed,
    'a deferred call': postponed,
    'a call being dialled': quiet,
    'a ringing call': quiet,
    'a connected call': quiet,
    'a call answered without ringing': quiet,
    'a completed call': quiet,
    'a failed call': quiet,
    'a cancelled call': quiet,
    'a call hung up by an operator': quiet,
  },
  RefuseCall: {
    'no call': missing,
    'a queued call': refused,
    'a deferred call': refused,
    'a call being dialled': quiet,
    'a ringing call': quiet,
    'a connected call': quiet,
    'a call answered without ringing': quiet,
    'a completed call': quiet,
    'a failed call': quiet,
    'a cancelled call': quiet,
    'a call hung up by an operator': quiet,
  },
  ReportAnsweredBy: {
    'no call': missing,
    'a queued call': quiet,
    'a deferred call': quiet,
    'a call being dialled': quiet,
    'a ringing call': quiet,
    'a connected call': answeredByHuman,
    'a call answered without ringing': answeredByHuman,
    'a completed call': quiet,
    'a failed call': quiet,
    'a cancelled call': quiet,
    'a call hung up by an operator': quiet,
  },
  ReportToolUse: ofTheTalk(used),
  ReportProviderFailure: ofTheTalk(failed),
  ReportTransfer: {
    'no call': missing,
    'a queued call': quiet,
    'a deferred call': quiet,
    'a call being dialled': quiet,
    'a ringing call': quiet,
    'a connected call': transferred,
    'a call answered without ringing': transferred,
    'a completed call': quiet,
    'a failed call': quiet,
    'a cancelled call': quiet,
    'a call hung up by an operator': quiet,
  },
  ReportQuality: {
    'no call': missing,
    'a queued call': measured,
    'a deferred call': measured,
    'a call being dialled': measured,
    'a ringing call': measured,
    'a connected call': measured,
    'a call answered without ringing': measured,
    'a completed call': measured,
    'a failed call': measured,
    'a cancelled call': measured,
    'a call hung up by an operator': measured,
  },
  DeleteRecording: {
    'no call': missing,
    'a queued call': quiet,
    'a deferred call': quiet,
    'a call being dialled': quiet,
    'a ringing call': quiet,
    'a connected call': quiet,
    'a call answered without ringing': quiet,
    'a completed call': quiet,
    'a failed call': quiet,
    'a cancelled call': quiet,
    'a call hung up by an operator': quiet,
  },
  AnalyzeCall: afterTheEnd(analyzed),
  CostCall: afterTheEnd(costed),
};

const describeThen = (then: Then): string =>
  typeof then === 'string' ? then : Array.isArray(then) ? then.map(({ type }) => type).join(', ') : then.code;

/** One test for each row of the table. */
const CASES = Object.entries(THEN).flatMap(([command, row]) =>
  Object.entries(row).map(([given, then]) => ({
    name: `given ${given}, when ${command}, then ${describeThen(then)}`,
    history: GIVEN[given as Given],
    command: WHEN[command as CallCommand['type']],
    then,
  })),
);

describe('decide', () => {
  it.each(CASES)('$name', ({ history, command, then }) => {
    const state = replay(history);
    if (typeof then === 'string' || Array.isArray(then)) {
      expect(decide(command, state)).toEqual(then === quiet ? [] : then);
      return;
    }
    expect(() => decide(command, state)).toThrow(expect.objectContaining(then));
    expect(() => decide(command, state)).toThrow(DomainError);
  });

  it('ignores reports of a past attempt', () => {
    const again = replay([queued, dialing, deferred, { ...dialing, data: { ...dialing.data, claim: 'c2' } }]);
    const late = { at: later, claim: 'c1' };
    const commands: CallCommand[] = [
      { type: 'ReportRinging', ...late },
      { type: 'ReportAnswer', ...late },
      { type: 'DeferCall', ...late, reason: 'late', notBefore: later },
      { type: 'EndCall', ...late, disconnectionReason: 'dial_busy', outcome: busy },
    ];
    for (const command of commands) expect(decide(command, again)).toEqual([]);
    expect(decide({ type: 'ReportAnswer', at: later, claim: 'c2' }, again)).toHaveLength(1);
  });

  it('stores the screening before the dial', () => {
    const events = decide({ ...WHEN.DialCall, screening: allowed }, replay([queued]));
    expect(events.map(({ type }) => type)).toEqual(['call.screened', 'call.dialing']);
    expect(events[0]?.data).toEqual({ at: later, ...allowed });
  });

  it('corrects the result of answer detection, and measures once', () => {
    const talking = replay([queued, dialing, started, ...answeredByHuman, ...measured]);
    const machine: CallCommand = { ...WHEN.ReportAnsweredBy, answeredBy: { by: 'machine', reason: 'beep' } };
    expect(decide(WHEN.ReportAnsweredBy, talking)).toEqual([]);
    expect(decide(machine, talking)).toEqual([
      { type: 'call.answered_by', data: { at: later, by: 'machine', reason: 'beep' } },
    ]);
    expect(decide(WHEN.ReportQuality, talking)).toEqual([]);
  });

  it('stores each report of a conversation once, in order, and none of a past attempt', () => {
    const talking = replay([queued, dialing, started, ...used]);
    expect(decide(WHEN.ReportToolUse, talking)).toEqual([]);
    expect(decide(WHEN.ReportProviderFailure, talking)).toEqual([]);
    const next: CallCommand = { ...WHEN.ReportProviderFailure, number: 2 };
    expect(decide(next, talking)).toHaveLength(1);
    expect(decide({ ...next, claim: 'c2' }, talking)).toEqual([]);
  });

  it('stores the version of the agent, and keeps it in a deferred call', () => {
    const agent = { agentVersion: 3, missingVariables: ['company'] };
    const events = decide({ ...WHEN.DialCall, agent }, replay([queued]));
    expect(events).toMatchObject([{ type: 'call.dialing', data: { ...agent, claim: 'c2' } }]);
    expect(replay([queued, ...events, deferred])).toMatchObject({ status: 'queued', agentVersion: 3 });
  });

  it('transfers once, and only for its own attempt', () => {
    const talking = replay([queued, dialing, started]);
    expect(decide({ ...WHEN.ReportTransfer, claim: 'c2' }, talking)).toEqual([]);
    const gone = decide({ ...WHEN.ReportTransfer, claim: 'c1' }, talking).reduce(evolve, talking);
    expect(gone).toEqual({ ...talking, transfer });
    expect(decide({ ...WHEN.ReportTransfer, claim: 'c1' }, gone)).toEqual([]);
  });

  it('deletes an existing recording only', () => {
    const heard = replay([queued, dialing, started, ended('completed'), ...recorded]);
    const deleted = decide(WHEN.DeleteRecording, heard);
    expect(deleted).toEqual([{ type: 'call.recording_deleted', data: { at: later } }]);
    expect(decide(WHEN.DeleteRecording, deleted.reduce(evolve, heard))).toEqual([]);
  });

  it('takes the first assessment and the first costs, in either order', () => {
    const done = replay([queued, dialing, started, ended('completed')]);
    for (const events of [
      [...analyzed, ...costed],
      [...costed, ...analyzed],
    ]) {
      const known = events.reduce(evolve, done);
      expect(known).toMatchObject({ assessment, costs });
      expect(decide({ ...WHEN.AnalyzeCall, assessment: { ...assessment, summary: 'Anew' } }, known)).toEqual([]);
      expect(decide({ ...WHEN.CostCall, costs: { ...costs, total: 5 } }, known)).toEqual([]);
    }
    expect([...analyzed, ...costed].reduce(evolve, replay([queued]))).toEqual(replay([queued]));
  });

  it('ends an unanswered call, but not a connected one', () => {
    const noAnswer: CallCommand = { ...WHEN.EndCall, unanswered: true };
    expect(decide(noAnswer, replay([queued, dialing]))).toHaveLength(1);
    expect(decide(noAnswer, replay([queued, dialing, started]))).toEqual([]);
  });

  it('postpones a queued call without counting an attempt', () => {
    const later = decide(WHEN.PostponeCall, replay([queued])).reduce(evolve, replay([queued]));
    expect(later).toMatchObject({ status: 'queued', attempt: 0, notBefore: '2026-04-05T15:00:00.000Z' });
  });

  it('does not count a deferred attempt', () => {
    const first = replay([queued, dialing, deferred]);
    expect(first).toMatchObject({ status: 'queued', attempt: 0, notBefore: later });
  });

  it('names the final status to a cancel after the end', () => {
    for (const status of ['completed', 'failed'] as const)
      expect(() => decide(WHEN.CancelCall, replay([queued, ended(status)]))).toThrow(
        expect.objectContaining({ details: { status } }),
      );
  });

  it('throws domain errors only, and every event changes the state', () => {
    fc.assert(
      fc.property(fc.array(anyCommand, { maxLength: 20 }), (commands) => {
        let state = UNKNOWN_CALL;
        for (const command of commands)
          for (const event of eventsOrRefusal(command, state)) {
            const next = evolve(state, event);
            // A screening is stored without an effect on the state.
            if (event.type !== 'call.screened') expect(next).not.toEqual(state);
            state = next;
          }
      }),
    );
  });

  it('is idempotent: a repeated command adds no event', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 12 }), anyCommand, (history, command) => {
        const state = replay(history);
        const events = eventsOrRefusal(command, state);
        expect(eventsOrRefusal(command, replay(events, state))).toEqual([]);
      }),
    );
  });
});

/** The events of a command; none for a domain error. */
function eventsOrRefusal(command: CallCommand, state: ReturnType<typeof replay>): CallEvent[] {
  try {
    return decide(command, state);
  } catch (error) {
    if (error instanceof DomainError) return [];
    throw error;
  }
}

const anyHistory = fc.array(fc.oneof({ weight: 3, arbitrary: anyEvent }, anyForeignEvent), { maxLength: 30 });

/** Events that may follow the end of a call. */
const AFTERWARDS = [
  ...['call.recorded', 'call.recording_deleted', 'call.measured', 'call.tool_used', 'call.provider_failed'],
  ...['call.analyzed', 'call.costed'],
];

describe('evolve', () => {
  it('never throws and never loses the call, for any events in any order', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const state = replay(history);
        expect(state.status === 'unknown').toBe(!history.some(({ type }) => type === 'call.queued'));
      }),
    );
  });

  it('takes the facts of a call from its first call.queued only', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const first = history.find(({ type }) => type === 'call.queued');
        const state = replay(history);
        fc.pre(first?.type === 'call.queued' && state.status !== 'unknown');
        const { at: createdAt, ...given } = first.data;
        expect(state).toMatchObject({ facts: given, createdAt });
      }),
    );
  });

  it('keeps the end of a call', () => {
    fc.assert(
      fc.property(
        anyHistory,
        fc.constantFrom('completed', 'failed', 'cancelled'),
        anyHistory,
        (before, status, late) => {
          const terminal = replay([queued, ...before, ended(status)]);
          expect(terminal.status).toBe('ended');
          const changes = late.filter(({ type }) => !AFTERWARDS.includes(type));
          expect(replay(changes, terminal)).toBe(terminal);
        },
      ),
    );
  });

  it('ignores all events before call.queued', () => {
    for (const event of [dialing, ringing, started, ended('completed')])
      expect(evolve(UNKNOWN_CALL, event)).toBe(UNKNOWN_CALL);
  });

  it('does not return from connected to dialling or ringing', () => {
    const state = replay(GIVEN['a connected call']);
    for (const event of [queued, dialing, ringing, started]) expect(evolve(state, event)).toBe(state);
  });
});

describe('statusOf', () => {
  it.each([
    ['no call', null],
    ['a queued call', 'queued'],
    ['a call being dialled', 'in_progress'],
    ['a ringing call', 'in_progress'],
    ['a connected call', 'in_progress'],
    ['a completed call', 'completed'],
    ['a failed call', 'failed'],
    ['a cancelled call', 'cancelled'],
  ] as const)('%s is %s', (given, status) => {
    expect(statusOf(replay(GIVEN[given]))).toBe(status);
  });

  it('is a status of the contract for every history of this version', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 20 }), (history) => {
        expect([null, ...CALL_STATUSES]).toContain(statusOf(replay(history)));
      }),
    );
  });
});
