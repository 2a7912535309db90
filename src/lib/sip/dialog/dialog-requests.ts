import { type Dialog } from './dialog.js';
import { sdpOf } from './early-dialogs.js';
import { type ServerTransaction } from '../transaction/server-transaction.js';
import { MIN_SESSION_SECONDS, parseSessionExpires, type SessionTerms, type SessionTimer } from './session-timer.js';
import { type Essentials, type SipRequest } from '../message/sip-message.js';
import { ALLOW, respondTo, type ResponseParts } from '../message/sip-response.js';
import { type OnOffer } from '../sip-types.js';

export interface DialogHandlers {
  onOffer: OnOffer;
  /** The far end answered, with its ACK, an offer that it had asked for. */
  onAnswer: (sdp: string) => void;
  /** We sent this description, as an offer or an answer. */
  onDescribed: (sdp: string) => void;
  onBye: (request: SipRequest) => void;
  onNotify: (request: SipRequest) => void;
  /** A 2xx of ours to a re-INVITE was never acknowledged. */
  onNoAck: () => void;
  /** Whether an offer of ours is on its way. */
  isOffering: () => boolean;
}

/** Extensions that the far end may require of us. */
const UNDERSTOOD = new Set(['timer', '100rel']);

/** Answers what the far end of a dialog asks of us (RFC 3261 section 12.2.2). */
export class DialogRequests {
  private answering = false;

  constructor(
    private readonly dialog: Dialog,
    /** undefined before the answer. */
    private readonly timer: SessionTimer | undefined,
    private readonly handlers: DialogHandlers,
  ) {}

  /** Whether an offer of theirs waits for our answer. */
  get isAnswering(): boolean {
    return this.answering;
  }

  receive(transaction: ServerTransaction, { cseq }: Essentials): void {
    const { request } = transaction;
    const unknown = request.headers.all('require').filter((option) => !UNDERSTOOD.has(option.toLowerCase()));
    if (!this.dialog.accepts(cseq.number)) this.respond(transaction, 500);
    else if (unknown.length > 0) this.respond(transaction, 420, { headers: { unsupported: unknown.join(', ') } });
    else this.handle(transaction);
  }

  private handle(transaction: ServerTransaction): void {
    const { request } = transaction;
    switch (request.method) {
      case 'BYE':
        this.respond(transaction, 200);
        this.handlers.onBye(request);
        return;
      case 'INVITE':
      case 'UPDATE':
        this.reoffer(transaction).catch(() => {
          this.respond(transaction, 500);
        });
        return;
      case 'NOTIFY':
        this.respond(transaction, 200);
        this.handlers.onNotify(request);
        return;
      case 'INFO':
      case 'PRACK':
        this.respond(transaction, 200);
        return;
      case 'OPTIONS':
        this.respond(transaction, 200, { headers: { allow: ALLOW, accept: 'application/sdp' } });
        return;
      case 'REFER':
        // A REFER would let the far end start calls at our cost.
        this.respond(transaction, 603);
        return;
      default:
        this.respond(transaction, 405, { headers: { allow: ALLOW } });
    }
  }

  /** A re-INVITE or UPDATE: new media, a new Contact, or a sign of life (RFC 3261 section 14.2, RFC 3311, RFC 4028). */
  private async reoffer(transaction: ServerTransaction): Promise<void> {
    const { request } = transaction;
    const offer = sdpOf(request);
    const terms = parseSessionExpires(request.headers.get('session-expires'), 'them');
    const refusal = this.refusalOf(request, offer, terms);
    if (refusal) {
      this.respond(transaction, refusal.status, { headers: refusal.headers ?? {} });
      return;
    }
    const wantsSdp = offer !== undefined || request.method === 'INVITE';
    const sdp = wantsSdp ? await this.describe(transaction, offer ?? null) : undefined;
    // It may have been taken back, and so answered, meanwhile.
    if (transaction.isAnswered) return;
    if (sdp === null) this.respond(transaction, 488);
    else this.agree(transaction, terms, sdp, offer === undefined);
  }

  private refusalOf(
    request: SipRequest,
    offer: string | undefined,
    terms: SessionTerms | undefined,
  ): { status: number; headers?: Record<string, string> } | undefined {
    const isInvite = request.method === 'INVITE';
    if (this.answering) return { status: 500, headers: { 'retry-after': '1' } };
    if (isInvite && !this.timer) return { status: 491 };
    if ((isInvite || offer !== undefined) && this.handlers.isOffering()) return { status: 491 };
    if (request.body.length > 0 && offer === undefined) return { status: 415, headers: { accept: 'application/sdp' } };
    if (terms && terms.seconds < MIN_SESSION_SECONDS)
      return { status: 422, headers: { 'min-se': String(MIN_SESSION_SECONDS) } };
    return undefined;
  }

  private async describe(transaction: ServerTransaction, offer: string | null): Promise<string | null> {
    this.answering = true;
    // A bad answer of ours must not leave the far end waiting.
    const answer = Promise.resolve(offer).then(this.handlers.onOffer);
    const cancelled = new Promise<null>((resolve) => {
      transaction.onCancel = () => {
        resolve(null);
      };
    });
    try {
      return await Promise.race([answer, cancelled]);
    } catch {
      return null;
    } finally {
      this.answering = false;
    }
  }

  private agree(
    transaction: ServerTransaction,
    terms: SessionTerms | undefined,
    sdp: string | undefined,
    asked: boolean,
  ): void {
    const { request } = transaction;
    this.dialog.retarget(request);
    this.timer?.arm(terms);
    if (sdp !== undefined) this.handlers.onDescribed(sdp);
    const refresher = terms?.refresher === 'us' ? 'uas' : 'uac';
    const expires = terms && { 'session-expires': `${terms.seconds};refresher=${refresher}`, require: 'timer' };
    const headers = { contact: this.dialog.localContact, allow: ALLOW, supported: 'timer', ...expires };
    if (request.method === 'INVITE') {
      transaction.onNoAck = this.handlers.onNoAck;
      transaction.onAck = (ack) => {
        const answer = asked ? sdpOf(ack) : undefined;
        if (answer !== undefined) this.handlers.onAnswer(answer);
      };
    }
    this.respond(transaction, 200, { headers, sdp });
  }

  private respond(transaction: ServerTransaction, status: number, parts?: ResponseParts): void {
    transaction.respond(respondTo(transaction.request, status, parts));
  }
}
