import { type ClientTransaction } from '../transaction/client-transaction.js';
import { Dialog } from './dialog.js';
import { type DigestClient } from '../transaction/digest-client.js';
import { type EarlyDialogs, sdpOf } from './early-dialogs.js';
import { type Flow } from '../transport/flow.js';
import { type Hop } from '../transport/locate.js';
import { parseNameAddr } from '../message/name-addr.js';
import { newRequest, type SipRequest, type SipResponse } from '../message/sip-message.js';
import { Timer, transactionMs } from '../transaction/sip-timers.js';
import { type SipCore } from '../sip-core.js';

export type AttemptOutcome =
  /** `sdp` is empty where the far end never described its media. */
  | { kind: 'answered'; response: SipResponse; dialog: Dialog; sdp: string }
  /** The answer came after the cancellation: the attempt sent ACK and BYE. */
  | { kind: 'too-late'; response: SipResponse }
  | { kind: 'refused'; response: SipResponse }
  | { kind: 'timeout' | 'transport' };

export interface InviteAttemptDeps {
  core: SipCore;
  digest: DigestClient;
  invite: SipRequest;
  flow: Flow;
  hop: Hop;
  /** Of this INVITE only. */
  early: EarlyDialogs;
  onProvisional: (response: SipResponse) => void;
}

const MAX_FORKS = 16;

/**
 * One INVITE and all that may come of it (RFC 3261 section 13.2): every 2xx is acknowledged each time it comes, those
 * of second forks and those that come after a CANCEL are ended with BYE. Owns its transaction.
 */
export class InviteAttempt {
  readonly outcome: Promise<AttemptOutcome>;
  private settle: (outcome: AttemptOutcome) => void = () => undefined;
  private transaction: ClientTransaction | undefined;
  /** How to acknowledge each fork again, by its tag. */
  private readonly acks = new Map<string, Promise<() => void>>();
  private readonly timeouts = new Timer();
  private heard = false;
  private unwanted = false;
  private cancelled = false;
  private over = false;

  constructor(private readonly parts: InviteAttemptDeps) {
    this.outcome = new Promise((resolve) => {
      this.settle = (outcome) => {
        this.over = true;
        this.timeouts.stop();
        resolve(outcome);
      };
    });
  }

  /** Whether the far end has said anything. */
  get wasHeard(): boolean {
    return this.heard;
  }

  start(): void {
    const { core, invite, flow } = this.parts;
    this.transaction = core.send(invite, flow, {
      onResponse: (response) => {
        this.receive(response);
      },
      onFailure: (kind) => {
        this.settle({ kind });
      },
      onEnd: () => {
        this.timeouts.stop();
      },
    });
  }

  /**
   * Cancels the INVITE after its first response (RFC 3261 section 9.1). An INVITE without a response is not retransmitted
   * any more: the retransmission could ring the phone.
   */
  cancel(): void {
    if (this.over) return;
    this.unwanted = true;
    if (this.heard) this.sendCancel();
    else this.transaction?.stopRepeating();
  }

  /** Gives up on a silent target. Should it answer after all, the call is cancelled or ended there. */
  abandon(): void {
    this.unwanted = true;
    this.transaction?.stopRepeating();
    this.settle({ kind: 'timeout' });
  }

  private receive(response: SipResponse): void {
    this.heard = true;
    if (response.status >= 300) this.settle({ kind: 'refused', response });
    else if (response.status >= 200) this.accept(response);
    else if (this.unwanted) this.sendCancel();
    else if (!this.over) this.parts.onProvisional(response);
  }

  private accept(response: SipResponse): void {
    const { core, digest } = this.parts;
    const tag = parseNameAddr(response.headers.get('to') ?? '')?.params.get('tag') ?? '';
    const known = this.acks.get(tag);
    if (known) {
      core.background(
        known.then((again) => {
          again();
        }),
      );
      return;
    }
    const dialog = this.dialogOf(response, tag);
    if (!dialog || this.acks.size >= MAX_FORKS) return;
    const isFirst = this.acks.size === 0;
    const ack = core.acknowledge(dialog, this.parts.invite);
    core.background(ack);
    this.acks.set(tag, ack);
    if (isFirst && !this.unwanted) {
      // Where the answer came reliably before, the 2xx need not hold it again (RFC 3262 section 5).
      const sdp = sdpOf(response) ?? this.parts.early.byTag(tag)?.sdp ?? '';
      this.settle({ kind: 'answered', response, dialog, sdp });
      return;
    }
    core.background(ack.then(() => core.bye(dialog, digest)));
    if (isFirst) this.settle({ kind: 'too-late', response });
  }

  /** The early dialog has counted the PRACKs; without one the 2xx makes the dialog. */
  private dialogOf(response: SipResponse, tag: string): Dialog | undefined {
    const known = this.parts.early.byTag(tag)?.dialog;
    known?.confirm(response);
    return known ?? Dialog.ofResponse(this.parts.invite, response, this.parts.hop);
  }

  private sendCancel(): void {
    if (this.cancelled || this.acks.size > 0) return;
    this.cancelled = true;
    const { core, invite, flow } = this.parts;
    const nothing = (): void => undefined;
    core.send(cancelOf(invite), flow, { onResponse: nothing, onFailure: nothing, onEnd: nothing });
    // Without a final response to the INVITE it counts as cancelled all the same (RFC 3261 section 9.1).
    this.timeouts.set(transactionMs(core.timers), () => {
      this.settle({ kind: 'timeout' });
      this.transaction?.terminate();
    });
  }
}

/** The same Via, Route and CSeq number as the INVITE. */
function cancelOf(invite: SipRequest): SipRequest {
  const cancel = newRequest('CANCEL', invite.uri);
  for (const name of ['via', 'route', 'from', 'to', 'call-id'])
    cancel.headers.set(name, name === 'route' ? invite.headers.all(name) : (invite.headers.get(name) ?? ''));
  cancel.headers
    .set('cseq', (invite.headers.get('cseq') ?? '').replace(/\S+$/, 'CANCEL'))
    .set('max-forwards', 70)
    .set('reason', 'SIP;cause=487;text="Request Terminated"');
  return cancel;
}
