import { decide, type CallCommand } from '../../src/calls/call.js';
import { replay } from '../../src/calls/call-state.js';
import { type CallEvent } from '../../src/calls/call-events.js';
import { appendToCall } from '../../src/calls/call-append.js';
import { CallStore } from '../../src/calls/call-store.js';
import { type TestApp } from '../support/app.js';

const OUTCOME = { sipCode: 200, responsible: 'agent', retryable: false, detail: null } as const;

/** The life of a call: answered two seconds after the dial, ended four minutes later. */
const LIFE = {
  dialing: { type: 'DialCall', at: '2026-04-05T13:59:58.000Z', provider: 'simulator', claim: 'claim-1' },
  ringing: { type: 'ReportRinging', at: '2026-04-05T13:59:59.000Z' },
  connected: { type: 'ReportAnswer', at: '2026-04-05T14:00:00.000Z' },
  ended: {
    type: 'EndCall',
    at: '2026-04-05T14:04:00.000Z',
    disconnectionReason: 'agent_hangup',
    outcome: OUTCOME,
  },
} as const satisfies Record<string, CallCommand>;

/** Takes a queued call up to a step of its life. */
export async function advanceCall(app: TestApp, id: string, upTo: keyof typeof LIFE): Promise<void> {
  const events = app.nest.get(CallStore, { strict: false });
  for (const [step, command] of Object.entries(LIFE)) {
    const history = await events.load(id);
    const state = replay(history as unknown as CallEvent[]);
    const append = appendToCall(id, history.length, state, decide(command, state), {});
    if (!(await events.append(append))) throw new Error(`call ${id} changed meanwhile`);
    if (step === upTo) return;
  }
}
