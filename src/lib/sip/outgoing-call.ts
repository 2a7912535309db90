import { EstablishedCall } from './dialog/established-call.js';
import { InviteSetup } from './dialog/invite-setup.js';
import { type Dialog } from './dialog/dialog.js';
import { DialogRequests } from './dialog/dialog-requests.js';
import { DigestClient } from './transaction/digest-client.js';
import { EventQueue } from '../platform/index.js';
import { type ServerTransaction } from './transaction/server-transaction.js';
import { type DialogUser, type SipCore } from './sip-core.js';
import { type Essentials } from './message/sip-message.js';
import { newTag, respondTo } from './message/sip-response.js';
import {
  type CallEvent,
  type CallEventBody,
  type CallRequest,
  type DialogState,
  type OutgoingCall,
} from './sip-types.js';
import { type ReferResult } from './dialog/transfer.js';

/** A call that we make, from the first INVITE to the end. */
export class OutgoingCallImpl implements OutgoingCall, DialogUser {
  readonly events = new EventQueue<CallEvent>();
  private readonly localTag = newTag();
  private readonly digest: DigestClient;
  private readonly setup: InviteSetup;
  private readonly settled: Promise<void>;
  private readonly earlyRequests = new Map<Dialog, DialogRequests>();
  private session: EstablishedCall | undefined;
  private closed = false;

  /** Calls at once. */
  constructor(
    private readonly core: SipCore,
    private readonly request: CallRequest,
    /** Hears that nothing more will come of it. */
    private readonly onOver: (call: OutgoingCallImpl) => void,
  ) {
    this.digest = new DigestClient(request.credentials);
    const tell = (event: CallEventBody): void => {
      this.tell(event);
    };
    this.setup = new InviteSetup({ core, request, digest: this.digest, localTag: this.localTag, tell });
    core.register(request.callId, this.localTag, this);
    this.settled = this.run().catch((error: unknown) => {
      this.failed(error);
    });
  }

  cancel(): void {
    if (!this.session) this.setup.giveUp('cancelled');
  }

  async hangup(): Promise<void> {
    this.cancel();
    await this.settled;
    await this.session?.hangup();
  }

  reinvite(sdp: string): Promise<{ status: number; sdp: string | null }> {
    return this.session?.reinvite(sdp) ?? Promise.resolve({ status: 481, sdp: null });
  }

  refer(to: string, patienceMs?: number): Promise<ReferResult> {
    return this.session?.refer(to, patienceMs) ?? Promise.resolve({ accepted: false, status: 481 });
  }

  dialogState(): DialogState | undefined {
    return this.session?.state;
  }

  receive(transaction: ServerTransaction, parts: Essentials): void {
    const requests = this.session ?? this.earlyRequestsOf(parts.fromTag ?? '');
    const isOurs = !this.session || this.session.state.remoteTag === (parts.fromTag ?? '');
    if (requests && isOurs) requests.receive(transaction, parts);
    else transaction.respond(respondTo(transaction.request, 481));
  }

  /** Gives it up without a word to the far end. */
  close(): void {
    this.closed = true;
    this.setup.stop();
    this.session?.stop();
    this.over();
  }

  private async run(): Promise<void> {
    const result = await this.setup.run();
    if (this.closed) return;
    if (result.kind === 'failed') {
      this.tell(result.failed);
      this.over();
      return;
    }
    const { dialog, response, sdp } = result;
    this.session = new EstablishedCall({
      core: this.core,
      request: this.request,
      digest: this.digest,
      dialog,
      answer: response,
      onEnded: (event) => {
        this.tell(event);
        this.events.end();
        // Until the far end has confirmed our BYE it may still send requests of its own.
        const confirmed = this.session?.hangup() ?? Promise.resolve();
        this.core.background(
          confirmed.finally(() => {
            this.over();
          }),
        );
      },
    });
    this.tell({ type: 'answered', sdp });
  }

  /** A mistake of ours must not leave a call without an end. */
  private failed(error: unknown): void {
    this.core.options.onProblem('A SIP call failed', error);
    this.tell({ type: 'failed', status: null, phrase: '', reasonHeaders: [], headers: {}, cause: 'transport' });
    this.over();
  }

  private earlyRequestsOf(tag: string): DialogRequests | undefined {
    const dialog = this.setup.earlyDialog(tag);
    if (!dialog) return undefined;
    let requests = this.earlyRequests.get(dialog);
    if (!requests) {
      const nothing = (): void => undefined;
      requests = new DialogRequests(dialog, undefined, {
        onOffer: this.request.onOffer,
        onAnswer: nothing,
        onDescribed: nothing,
        onBye: nothing,
        onNotify: nothing,
        onNoAck: nothing,
        isOffering: () => false,
      });
      this.earlyRequests.set(dialog, requests);
    }
    return requests;
  }

  private tell(event: CallEventBody): void {
    this.events.push({ at: new Date(), ...event });
  }

  private over(): void {
    this.events.end();
    this.core.unregister(this.request.callId, this.localTag);
    this.onOver(this);
  }
}
