import { randomUUID } from 'node:crypto';
import {
  type CallLeg,
  type DialRequest,
  type LegEnd,
  type LegSignal,
  type TelephonyProvider,
  type TransferOptions,
} from '../../src/telephony/provider.js';
import { SIMULATOR_CARRIER } from '../../src/carriers/carrier.js';
import { eventually } from '../support/process.js';

/** Ends of a call by the other side, as every provider must report them. */
const ENDINGS = {
  busy: { reason: 'dial_busy', by: ['customer'], sipCodes: [486, 600], answered: false },
  noAnswer: { reason: 'dial_no_answer', by: ['system', 'carrier'], sipCodes: [408, 480, 487, null], answered: false },
  declined: { reason: 'user_declined', by: ['customer'], sipCodes: [603], answered: false },
  invalid: { reason: 'invalid_destination', by: ['carrier'], sipCodes: [404, 484, 604], answered: false },
  notPermitted: {
    reason: 'telephony_provider_permission_denied',
    by: ['carrier'],
    sipCodes: [401, 403, 407],
    answered: false,
  },
  blocked: { reason: 'carrier_blocked', by: ['carrier'], sipCodes: [603, 607, 608], answered: false },
  unavailable: {
    reason: 'telephony_provider_unavailable',
    by: ['carrier'],
    sipCodes: [500, 502, 503, 504, null],
    answered: false,
  },
  capacity: { reason: 'capacity', by: ['carrier'], sipCodes: [500, 503, null], answered: false },
  voicemail: { reason: 'voicemail_reached', by: ['system'], sipCodes: [null], answered: true },
  lineDrops: { reason: 'error_media_lost', by: ['carrier'], sipCodes: [null], answered: true },
  customerHangsUp: { reason: 'user_hangup', by: ['customer'], sipCodes: [null], answered: true },
} as const;
export type Ending = keyof typeof ENDINGS;

/** A provider under test and its environment. */
export interface ProviderHarness {
  /** Numbers by the end that they provoke; others are absent. `noAnswer` rings for ever. */
  endings: Partial<Record<Ending, string>> & { noAnswer: string };
  /** Answers after a while and stays on the line. */
  staysOnLine: string;
  /** A ring timeout shorter than the answer of `staysOnLine`. */
  shortRingMs: number;
  shortCallMs: number;
  /** The target of transfers, which stays on the line; absent for a provider that cannot transfer. */
  transfersTo?: string;
  /** Whether another process can read and hang up a leg whose process is gone. */
  sharesLegs: boolean;
  start(): Promise<ProviderEnvironment>;
}

export interface ProviderEnvironment {
  /** Opens a provider as another process would: instances share only external state. */
  open(): TelephonyProvider;
  /** Rings of an attempt, counted by the other side. */
  ringsOf(attemptId: string): Promise<number>;
  stop(): Promise<void>;
}

/** Longer than any test. */
export const LONG_MS = 6 * 3_600_000;
const ORDER: LegSignal['type'][] = ['ringing', 'early', 'answered', 'dtmf', 'turn', 'transferred', 'ended'];

export const dialRequest = (to: string, changes: Partial<DialRequest> = {}): DialRequest => ({
  attemptId: randomUUID(),
  callId: randomUUID(),
  to,
  from: '+15559990000',
  ringTimeoutMs: LONG_MS,
  maxDurationMs: LONG_MS,
  line: { carrier: SIMULATOR_CARRIER, organizationId: randomUUID(), detectsAnswer: false },
  ...changes,
});

/** Reads the signals of a leg. */
export class LegReader {
  readonly signals: LegSignal[] = [];
  /** All signals, after the last one. */
  readonly all: Promise<LegSignal[]>;

  constructor(leg: CallLeg) {
    this.all = this.read(leg);
  }

  until(type: LegSignal['type']): Promise<LegSignal> {
    return eventually(type, () => Promise.resolve(this.signals.find((signal) => signal.type === type)));
  }

  private async read(leg: CallLeg): Promise<LegSignal[]> {
    for await (const signal of leg.signals) this.signals.push(signal);
    return this.signals;
  }
}

export const TRANSFER: TransferOptions = { mode: 'bridge', from: '+15559990000', ringTimeoutMs: LONG_MS };
export const REFUSED = { status: 'refused', detail: expect.stringMatching(/./) as string };

export const readAll = (leg: CallLeg): Promise<LegSignal[]> => new LegReader(leg).all;
export const typesOf = (signals: LegSignal[]): string[] => signals.map(({ type }) => type);

/** The end, which must be the last signal and the only end. */
export function endOf(signals: LegSignal[]): LegEnd & { at: Date } {
  const end = signals.at(-1);
  if (end?.type !== 'ended') throw new Error(`not ended, but: ${typesOf(signals).join(' ')}`);
  expect(signals.filter(({ type }) => type === 'ended')).toHaveLength(1);
  return end;
}

export function expectHungUp(signals: LegSignal[]): void {
  const { reason, by, sipCode } = endOf(signals);
  expect({ reason, by }).toEqual({ reason: 'agent_hangup', by: 'agent' });
  expect([null, 487]).toContain(sipCode);
}

export function expectEnding(ending: Ending, signals: LegSignal[]): void {
  const expected = ENDINGS[ending];
  const { reason, by, sipCode, detail, at } = endOf(signals);
  expect({ ending, reason }).toEqual({ ending, reason: expected.reason });
  expect(expected.by).toContain(by);
  expect(expected.sipCodes).toContain(sipCode);
  expect(detail === null || typeof detail === 'string').toBe(true);
  expect(at).toBeInstanceOf(Date);
  expect(typesOf(signals).includes('answered')).toBe(expected.answered);
}

export function expectInOrder(signals: LegSignal[]): void {
  // Other signals happen during the call, in any order.
  const ranks = signals.map(({ type }) => ORDER.indexOf(ORDER.includes(type) ? type : 'turn'));
  expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
  const times = signals.map(({ at }) => at.getTime());
  expect(times).toEqual([...times].sort((a, b) => a - b));
  const answeredAt = signals.find(({ type }) => type === 'answered')?.at.getTime() ?? NaN;
  for (const signal of signals) {
    if (signal.type !== 'turn') continue;
    expect(signal.startMs).toBeGreaterThanOrEqual(0);
    expect(signal.endMs).toBeGreaterThanOrEqual(signal.startMs);
    expect(answeredAt + signal.endMs).toBeLessThanOrEqual(endOf(signals).at.getTime());
  }
}
