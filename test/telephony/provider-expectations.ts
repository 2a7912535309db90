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

/** How a call can end without our doing, and the ends that every provider must make of it. */
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

/** What the suite needs to know of a provider and its surroundings. */
export interface ProviderHarness {
  /** Which number to call for an ending; an ending that cannot be provoked is left out. `noAnswer` rings for ever. */
  endings: Partial<Record<Ending, string>> & { noAnswer: string };
  /** Answers after a while and stays on the line. */
  staysOnLine: string;
  /** A ring timeout that is over before `staysOnLine` answers. */
  shortRingMs: number;
  shortCallMs: number;
  /** A number that customers can be connected with, where the provider can do that at all; it stays on the line. */
  transfersTo?: string;
  /** Whether another process can find, read and end a leg whose process is gone. */
  sharesLegs: boolean;
  start(): Promise<Surroundings>;
}

export interface Surroundings {
  /** A provider as another process would open it: what is shared with others is outside of both. */
  open(): TelephonyProvider;
  /** How often a phone was rung for a reference, as the other side counts. */
  ringsOf(reference: string): Promise<number>;
  stop(): Promise<void>;
}

/** Longer than any test waits. */
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

/** Reads a leg, and keeps what it hears. */
export class Listener {
  readonly heard: LegSignal[] = [];
  /** Everything, once the signals have ended. */
  readonly all: Promise<LegSignal[]>;

  constructor(leg: CallLeg) {
    this.all = this.listen(leg);
  }

  until(type: LegSignal['type']): Promise<LegSignal> {
    return eventually(type, () => Promise.resolve(this.heard.find((signal) => signal.type === type)));
  }

  private async listen(leg: CallLeg): Promise<LegSignal[]> {
    for await (const signal of leg.signals) this.heard.push(signal);
    return this.heard;
  }
}

export const TRANSFER: TransferOptions = { mode: 'bridge', from: '+15559990000', ringTimeoutMs: LONG_MS };
export const REFUSED = { status: 'refused', detail: expect.stringMatching(/./) as string };

export const hear = (leg: CallLeg): Promise<LegSignal[]> => new Listener(leg).all;
export const typesOf = (signals: LegSignal[]): string[] => signals.map(({ type }) => type);

/** The end, which must be the last signal and the only one of its kind. */
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
  // What is not listed happens during the call, in any order.
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
