import { type Flow, isReliable } from '../transport/flow.js';
import { serialise, type SipRequest, type SipResponse } from '../message/sip-message.js';
import { respondTo } from '../message/sip-response.js';
import { Timer, transactionMs } from './sip-timers.js';
import { type SipTimers } from '../sip-types.js';

/** Delay of the 100 Trying (RFC 3261 section 17.2.1). */
const TRYING_MS = 200;

type State = 'proceeding' | 'completed' | 'accepted' | 'confirmed' | 'terminated';

/** The server's half of one request (RFC 3261 section 17.2, RFC 6026). Owns its timers. */
export class ServerTransaction {
  /** Hears of the ACK to a final response to an INVITE, with its body. */
  onAck: ((ack: SipRequest) => void) | undefined;
  /** The ACK to a final response to an INVITE never came. */
  onNoAck: (() => void) | undefined;
  /** The transaction needs no final response any more, after a CANCEL or the timeout. */
  onCancel: (() => void) | undefined;
  private state: State = 'proceeding';
  private data: Buffer | undefined;
  private readonly repeat = new Timer();
  private readonly end = new Timer();

  constructor(
    readonly request: SipRequest,
    /** Where responses go: back the way that the request came, RFC 3581. */
    private readonly flow: Flow,
    private readonly timers: SipTimers,
    private readonly onEnd: () => void,
  ) {
    if (request.method === 'INVITE')
      this.repeat.set(TRYING_MS, () => {
        this.respond(respondTo(request, 100));
      });
    // The far end has given up after this time.
    this.end.set(transactionMs(timers), () => {
      this.terminate();
      this.onCancel?.();
    });
  }

  get isAnswered(): boolean {
    return this.state !== 'proceeding';
  }

  /** Sends a response; after a final one there is no other. */
  respond(response: SipResponse): void {
    if (this.state !== 'proceeding') return;
    this.data = serialise(response);
    this.flow.send(this.data);
    if (response.status < 200) return;
    this.repeat.stop();
    const isInvite = this.request.method === 'INVITE';
    this.state = isInvite && response.status < 300 ? 'accepted' : 'completed';
    if (isInvite && (this.state === 'accepted' || !isReliable(this.flow))) this.repeatAfter(this.timers.t1Ms);
    this.end.set(!isInvite && isReliable(this.flow) ? 0 : transactionMs(this.timers), () => {
      this.terminate();
      if (isInvite) this.onNoAck?.();
    });
  }

  /** The same request again: the same response. */
  again(): void {
    if (this.data && this.state !== 'confirmed') this.flow.send(this.data);
  }

  acknowledge(ack: SipRequest): void {
    if (this.state !== 'completed' && this.state !== 'accepted') return;
    this.repeat.stop();
    this.state = 'confirmed';
    // Copies of the INVITE and of the ACK may still arrive.
    this.end.set(isReliable(this.flow) ? 0 : this.timers.t4Ms, () => {
      this.terminate();
    });
    this.onAck?.(ack);
  }

  terminate(): void {
    if (this.state === 'terminated') return;
    this.state = 'terminated';
    this.repeat.stop();
    this.end.stop();
    this.onEnd();
  }

  private repeatAfter(ms: number): void {
    this.repeat.set(ms, () => {
      this.again();
      this.repeatAfter(Math.min(ms * 2, this.timers.t2Ms));
    });
  }
}
