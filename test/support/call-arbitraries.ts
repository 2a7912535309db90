import fc from 'fast-check';
import { type CallCommand } from '../../src/calls/call.js';
import {
  type AnsweredBy,
  type Assessment,
  type CallCosts,
  type CallEvent,
  type CallFacts,
  type CallUsage,
  DISCONNECTION_REASONS,
  type LineQuality,
  type Outcome,
  type Screening,
  type Transfer,
  SENTIMENTS,
} from '../../src/calls/call-events.js';
import { textProblem } from '../../src/lib/platform/json/plain-json.js';

/** Any text that the API lets in. */
export const anyText = fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => textProblem(text) === undefined);

const anyScalar = fc.oneof(
  anyText,
  fc.boolean(),
  fc.constant(null),
  fc.integer(),
  fc.double({ min: -1e15, max: 1e15, noNaN: true }),
);

const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    anyScalar,
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(anyText, tie('json'), { maxKeys: 4 }),
  ),
}));

/** Any JSON object that the API lets in. */
export const anyObject = fc.dictionary(anyText, json, { maxKeys: 4 });

/** Any moment of a few decades, in any order: clocks of several machines disagree. */
export const anyTime = fc
  .date({ min: new Date('2020-01-01'), max: new Date('2060-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());

export const anyFacts: fc.Arbitrary<CallFacts> = fc.record(
  {
    // Few of them, so that counters hold more than one call.
    organizationId: fc.constantFrom('01981f2e-9c1a-7b3e-8f7a-00000000000a', '01981f2e-9c1a-7b3e-8f7a-00000000000b'),
    environment: fc.constantFrom('live', 'test'),
    agentId: fc.uuid(),
    campaignId: fc.uuid(),
    direction: fc.constantFrom('INBOUND', 'OUTBOUND'),
    fromNumber: anyText,
    toNumber: anyText,
    customerName: anyText,
    voiceId: anyText,
    language: anyText,
    dynamicVariables: anyObject,
    metadata: anyObject,
    disableKnowledgeBases: fc.boolean(),
    scheduledAt: anyTime,
  },
  { requiredKeys: ['organizationId', 'environment', 'agentId', 'direction', 'fromNumber', 'toNumber'] },
);

const anyReason = fc.constantFrom(...DISCONNECTION_REASONS);

const anyOutcome: fc.Arbitrary<Outcome> = fc.record({
  sipCode: fc.option(fc.integer({ min: 100, max: 699 })),
  responsible: fc.constantFrom('customer', 'agent', 'operator', 'carrier', 'system'),
  retryable: fc.boolean(),
  detail: fc.option(anyText),
});

const anyScreening: fc.Arbitrary<Screening> = fc.record({
  allowed: fc.boolean(),
  rule: fc.option(anyText),
  detail: anyText,
});

const anyAnsweredBy: fc.Arbitrary<AnsweredBy> = fc.record({
  by: fc.constantFrom('human', 'machine', 'unknown'),
  reason: anyText,
});

const anyTransfer: fc.Arbitrary<Transfer> = fc.record({ to: anyText, mode: fc.constantFrom('bridge', 'refer') });

const anyFigure = fc.integer({ min: 0, max: 1_000_000 });
const anyQuality: fc.Arbitrary<LineQuality> = fc.record({
  packetsSent: anyFigure,
  packetsReceived: anyFigure,
  packetsLost: anyFigure,
  lossPercent: anyFigure,
  jitterMs: anyFigure,
  remoteLossPercent: fc.option(anyFigure),
  roundTripMs: fc.option(anyFigure),
  mos: anyFigure,
});

const anyAssessment: fc.Arbitrary<Assessment> = fc.record({
  summary: anyText,
  sentiment: fc.option(fc.constantFrom(...SENTIMENTS)),
  callSuccessful: fc.option(fc.boolean()),
  analysis: fc.option(anyObject),
});

const anyCost = fc.option(fc.integer({ min: 0, max: 1e9 }).map((millionths) => millionths / 1e6));
const anyCosts: fc.Arbitrary<CallCosts> = fc.record({
  total: anyCost,
  currency: fc.option(fc.constantFrom('USD', 'EUR')),
  telephony: anyCost,
  transcription: anyCost,
  model: anyCost,
  speech: anyCost,
  analysis: anyCost,
});
const anyTokens = fc.option(fc.record({ inputTokens: fc.nat(), outputTokens: fc.nat() }));
const anyUsage: fc.Arbitrary<CallUsage> = fc.record(
  {
    telephony: fc.record({ minutes: fc.nat() }),
    transcription: fc.record({ seconds: fc.nat() }),
    model: anyTokens,
    speech: fc.record({ characters: fc.nat() }),
    analysis: anyTokens,
  },
  { requiredKeys: [] },
);

const anyUse = fc.record({
  name: anyText,
  arguments: fc.oneof(anyObject, anyText),
  result: fc.option(anyText),
  error: fc.option(anyText),
  durationMs: fc.nat(),
});
const anyFailure = fc.record({
  stage: fc.constantFrom('transcription' as const, 'model' as const, 'speech' as const),
  provider: anyText,
  fault: anyText,
  message: anyText,
  then: fc.oneof(
    fc.record({ action: fc.constantFrom('retry' as const, 'fallback' as const), provider: anyText }),
    fc.constant({ action: 'give_up' as const }),
  ),
});

export const anyCommand: fc.Arbitrary<CallCommand> = fc.oneof(
  fc.record({ type: fc.constant('QueueCall'), at: anyTime, facts: anyFacts }),
  fc.record(
    { type: fc.constant('DialCall'), at: anyTime, provider: anyText, claim: anyText, screening: anyScreening },
    { requiredKeys: ['type', 'at', 'provider', 'claim'] },
  ),
  fc.record({
    type: fc.constant('DeferCall'),
    at: anyTime,
    claim: anyText,
    reason: anyText,
    notBefore: anyTime,
  }),
  fc.record({ type: fc.constant('PostponeCall'), at: anyTime, reason: anyText, notBefore: anyTime }),
  fc.record({ type: fc.constant('HangUpCall'), at: anyTime }),
  fc.record(
    { type: fc.constant('RecordCall'), at: anyTime, url: anyText, durationMs: fc.nat() },
    { requiredKeys: ['type', 'at', 'url'] },
  ),
  fc.record({ type: fc.constant('DeleteRecording'), at: anyTime }),
  fc.record({ type: fc.constant('AnalyzeCall'), at: anyTime, assessment: anyAssessment }),
  fc.record({ type: fc.constant('CostCall'), at: anyTime, costs: anyCosts, usage: anyUsage }),
  fc.record({ type: fc.constant('RefuseCall'), at: anyTime, screening: anyScreening }),
  fc.record({ type: fc.constant('ReportAnsweredBy'), at: anyTime, answeredBy: anyAnsweredBy }),
  fc.record({ type: fc.constant('ReportToolUse'), at: anyTime, claim: anyText, number: fc.nat(), use: anyUse }),
  fc.record({
    type: fc.constant('ReportProviderFailure'),
    at: anyTime,
    claim: anyText,
    number: fc.nat(),
    failure: anyFailure,
  }),
  fc.record({ type: fc.constant('ReportTransfer'), at: anyTime, transfer: anyTransfer }),
  fc.record({ type: fc.constant('ReportQuality'), at: anyTime, quality: anyQuality }),
  fc.record({ type: fc.constant('ReportRinging'), at: anyTime }),
  fc.record({ type: fc.constant('ReportAnswer'), at: anyTime }),
  fc.record({ type: fc.constant('EndCall'), at: anyTime, disconnectionReason: anyReason, outcome: anyOutcome }),
  fc.record({ type: fc.constant('CancelCall'), at: anyTime }),
);

const anyAttempt = fc.record(
  {
    ...{ at: anyTime, attempt: fc.nat(), provider: anyText, claim: anyText },
    ...{ agentVersion: fc.nat(), missingVariables: fc.array(anyText) },
  },
  { requiredKeys: ['at', 'attempt', 'provider', 'claim'] },
);
const anyEnd = fc.record({
  at: anyTime,
  status: fc.constantFrom('completed', 'failed', 'cancelled'),
  disconnectionReason: anyReason,
  outcome: anyOutcome,
});

/** Any event of this version, whether or not it could follow what came before. */
export const anyEvent: fc.Arbitrary<CallEvent> = fc.oneof(
  fc.record({
    type: fc.constant('call.queued'),
    data: fc.tuple(anyFacts, anyTime).map(([facts, at]) => ({ at, ...facts })),
  }),
  fc.record({ type: fc.constant('call.dialing'), data: anyAttempt }),
  fc.record({
    type: fc.constant('call.deferred'),
    data: fc.record({ at: anyTime, reason: anyText, notBefore: anyTime }),
  }),
  fc.record({ type: fc.constant('call.recorded'), data: fc.record({ at: anyTime, url: anyText }) }),
  fc.record({ type: fc.constant('call.ringing'), data: fc.record({ at: anyTime }) }),
  fc.record({ type: fc.constant('call.started'), data: fc.record({ at: anyTime }) }),
  fc.record({ type: fc.constant('call.ended'), data: anyEnd }),
  fc.record({
    type: fc.constant('call.screened'),
    data: fc.tuple(anyScreening, anyTime).map(([screening, at]) => ({ at, ...screening })),
  }),
  fc.record({
    type: fc.constant('call.answered_by'),
    data: fc.tuple(anyAnsweredBy, anyTime).map(([answeredBy, at]) => ({ at, ...answeredBy })),
  }),
  fc.record({
    type: fc.constant('call.tool_used'),
    data: fc.tuple(anyUse, anyTime, fc.nat()).map(([use, at, number]) => ({ at, number, ...use })),
  }),
  fc.record({
    type: fc.constant('call.provider_failed'),
    data: fc.tuple(anyFailure, anyTime, fc.nat()).map(([failure, at, number]) => ({ at, number, ...failure })),
  }),
  fc.record({
    type: fc.constant('call.transferred'),
    data: fc.tuple(anyTransfer, anyTime).map(([transfer, at]) => ({ at, ...transfer })),
  }),
  fc.record({ type: fc.constant('call.measured'), data: fc.record({ at: anyTime, quality: anyQuality }) }),
  fc.record({ type: fc.constant('call.recording_deleted'), data: fc.record({ at: anyTime }) }),
  fc.record({
    type: fc.constant('call.analyzed'),
    data: fc.tuple(anyAssessment, anyTime).map(([assessment, at]) => ({ at, ...assessment })),
  }),
  fc.record({
    type: fc.constant('call.costed'),
    data: fc.record({ at: anyTime, costs: anyCosts, usage: anyUsage }),
  }),
);

/** What another version of the program may have stored: other types, and known types with other data. */
export const anyForeignEvent: fc.Arbitrary<CallEvent> = fc.record({
  type: fc.oneof(
    anyText,
    fc.constantFrom(
      ...['call.queued', 'call.dialing', 'call.ringing', 'call.started', 'call.ended', 'call.recorded'],
      ...['call.screened', 'call.answered_by', 'call.transferred', 'call.measured', 'call.recording_deleted'],
      ...['call.analyzed', 'call.costed', 'call.tool_used', 'call.provider_failed'],
    ),
  ),
  data: anyObject,
}) as fc.Arbitrary<object> as fc.Arbitrary<CallEvent>;
