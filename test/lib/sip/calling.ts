import { randomUUID } from 'node:crypto';
import { buildOffer, type SdpOptions } from '../../../src/lib/sip/sdp/sdp.js';
import { type CallEvent, type CallRequest, type OutgoingCall, type SipTarget } from '../../../src/lib/sip/sip-types.js';
import { eventually } from '../../support/process.js';

export const LOCAL = '127.0.0.1';
export const LOCAL_MEDIA = { address: LOCAL, port: 40_000, rtcpPort: 40_001 };
export const SDP_OPTIONS: SdpOptions = { codecs: ['PCMU', 'PCMA'], sessionId: '4711', version: 1 };
export const OFFER = buildOffer(LOCAL_MEDIA, SDP_OPTIONS);
export const CREDENTIALS = { username: 'alice', password: 's3cret' };

/** A request for a call to some targets, with what a test wants different. */
export function callRequest(targets: SipTarget | SipTarget[], request: Partial<CallRequest> = {}): CallRequest {
  const list = Array.isArray(targets) ? targets : [targets];
  const { host, port } = list[0] ?? { host: LOCAL, port: 5060 };
  return {
    targets: list,
    callId: randomUUID(),
    to: `sip:callee@${host}:${port ?? 5060}`,
    from: { uri: 'sip:agent@outdial.test', displayName: 'Ada "the" Agent' },
    sdp: OFFER,
    ringTimeoutMs: 30_000,
    onOffer: () => null,
    ...request,
  };
}

/** Reads the events of a call as they come. */
export class Listener {
  readonly events: CallEvent[] = [];
  /** Resolves when there are no more. */
  readonly done: Promise<CallEvent[]>;
  private isDone = false;

  constructor(readonly call: OutgoingCall) {
    this.done = this.read();
  }

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  /** The last event. */
  get last(): CallEvent | undefined {
    return this.events.at(-1);
  }

  /** Waits for an event; fails when the call ends without it. */
  async hears<T extends CallEvent['type']>(type: T): Promise<Extract<CallEvent, { type: T }>> {
    const isIt = (event: CallEvent): event is Extract<CallEvent, { type: T }> => event.type === type;
    return eventually(type, () => {
      const found = this.events.find(isIt);
      if (!found && this.isDone) throw new Error(`No ${type}: ${JSON.stringify(this.events)}`);
      return Promise.resolve(found);
    });
  }

  private async read(): Promise<CallEvent[]> {
    for await (const event of this.call.events) this.events.push(event);
    this.isDone = true;
    return this.events;
  }
}
