import { type Flow, isReliable } from '../transport/flow.js';
import { newRequest, serialise, type SipRequest, type SipResponse } from '../message/sip-message.js';
import { Timer, transactionMs } from './sip-timers.js';
import { type SipTimers } from '../sip-types.js';

export interface ClientEvents {
  /** Every response that is new; of a 2xx to an INVITE every copy, since each one wants its ACK (RFC 6026). */
  onResponse: (response: SipResponse) => void;
  /** No final response: the far end was silent for 64 × T1, or the way to it broke. */
  onFailure: (failure: 'timeout' | 'transport') => void;
  /** The transaction calls no listener after this. */
  onEnd: () => void;
}

type State = 'trying' | 'proceeding' | 'completed' | 'accepted' | 'terminated';

/** The client's half of one request (RFC 3261 section 17.1, RFC 6026). Owns its timers. */
export class ClientTransaction {
  private state: State = 'trying';
  private readonly data: Buffer;
  private readonly repeat = new Timer();
  private readonly giveUp = new Timer();
  private readonly stopListening: () => void;
  private readonly isInvite: boolean;

  constructor(
    readonly request: SipRequest,
    readonly flow: Flow,
    private readonly timers: SipTimers,
    private readonly events: ClientEvents,
  ) {
    this.isInvite = request.method === 'INVITE';
    this.data = serialise(request);
    this.stopListening = flow.onBroken(() => {
      this.broken();
    });
  }

  start(): void {
    this.send();
    if (!isReliable(this.flow)) this.repeatAfter(this.timers.t1Ms);
    this.giveUp.set(transactionMs(this.timers), () => {
      this.fail('timeout');
    });
  }

  /** Stops asking; answers are still taken. For an INVITE that another target is tried for. */
  stopRepeating(): void {
    if (this.state === 'trying') this.repeat.stop();
  }

  receive(response: SipResponse): void {
    if (response.status < 200) this.provisional(response);
    else if (!this.isInvite) this.final(response);
    else if (response.status < 300) this.accepted(response);
    else this.refused(response);
  }

  /** Ends at once, without a word. */
  terminate(): void {
    if (this.state === 'terminated') return;
    this.state = 'terminated';
    this.repeat.stop();
    this.giveUp.stop();
    this.stopListening();
    this.events.onEnd();
  }

  /** Ends at once and reports that no response will come. */
  abort(): void {
    this.fail('transport');
  }

  private send(): void {
    this.flow.send(this.data, () => {
      this.broken();
    });
  }

  private repeatAfter(ms: number): void {
    this.repeat.set(ms, () => {
      this.send();
      // Timer A doubles without end; E up to T2, and it is T2 once the far end is at work (RFC 3261 section 17.1.2.2).
      const next = this.isInvite ? ms * 2 : Math.min(ms * 2, this.timers.t2Ms);
      this.repeatAfter(!this.isInvite && this.state === 'proceeding' ? this.timers.t2Ms : next);
    });
  }

  private provisional(response: SipResponse): void {
    if (this.state !== 'trying' && this.state !== 'proceeding') return;
    this.state = 'proceeding';
    if (this.isInvite) {
      this.repeat.stop();
      this.giveUp.stop();
    }
    this.events.onResponse(response);
  }

  private final(response: SipResponse): void {
    if (this.state !== 'trying' && this.state !== 'proceeding') return;
    this.complete(isReliable(this.flow) ? 0 : this.timers.t4Ms);
    this.events.onResponse(response);
  }

  private accepted(response: SipResponse): void {
    if (this.state === 'completed' || this.state === 'terminated') return;
    if (this.state !== 'accepted') {
      this.complete(transactionMs(this.timers));
      this.state = 'accepted';
    }
    this.events.onResponse(response);
  }

  private refused(response: SipResponse): void {
    if (this.state === 'accepted' || this.state === 'terminated') return;
    this.flow.send(serialise(this.ack(response)));
    if (this.state === 'completed') return;
    this.complete(isReliable(this.flow) ? 0 : transactionMs(this.timers));
    this.events.onResponse(response);
  }

  private complete(lingerMs: number): void {
    this.state = 'completed';
    this.repeat.stop();
    this.giveUp.set(lingerMs, () => {
      this.terminate();
    });
  }

  /** Of a refusal: the same Via and Route as the INVITE, unlike that of a 2xx (RFC 3261 section 17.1.1.3). */
  private ack({ headers: theirs }: SipResponse): SipRequest {
    const ack = newRequest('ACK', this.request.uri);
    const { headers } = this.request;
    ack.headers
      .set('via', headers.get('via') ?? '')
      .set('max-forwards', 70)
      .set('route', headers.all('route'))
      .set('from', headers.get('from') ?? '')
      .set('to', theirs.get('to') ?? headers.get('to') ?? '')
      .set('call-id', headers.get('call-id') ?? '')
      .set('cseq', (headers.get('cseq') ?? '').replace(/\S+$/, 'ACK'));
    return ack;
  }

  private broken(): void {
    // An INVITE that is being worked on may still be answered over a connection that the far end opens.
    if (this.isInvite && this.state === 'proceeding' && this.flow.transport === 'tcp') return;
    this.fail('transport');
  }

  private fail(failure: 'timeout' | 'transport'): void {
    const waiting = this.state === 'trying' || this.state === 'proceeding';
    this.terminate();
    if (waiting) this.events.onFailure(failure);
  }
}
