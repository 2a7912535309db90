import { type Dialog } from './dialog.js';
import { DialogRequests } from './dialog-requests.js';
import { type DigestClient } from '../transaction/digest-client.js';
import { sdpOf } from './early-dialogs.js';
import { formatNameAddr } from '../message/name-addr.js';
import { type ServerTransaction } from '../transaction/server-transaction.js';
import { MIN_SESSION_SECONDS, parseSessionExpires, SessionTimer } from './session-timer.js';
import { type SipCore } from '../sip-core.js';
import { type Essentials, type SipRequest, type SipResponse } from '../message/sip-message.js';
import { ALLOW } from '../message/sip-response.js';
import { parseNumber } from '../message/sip-text.js';
import { Timer } from '../transaction/sip-timers.js';
import { type CallEnded, type CallRequest, type DialogState } from '../sip-types.js';
import { type ReferResult, Transfer } from './transfer.js';

export interface EstablishedCallDeps {
  core: SipCore;
  request: CallRequest;
  digest: DigestClient;
  dialog: Dialog;
  /** The 2xx that answered the call. */
  answer: SipResponse;
  onEnded: (event: CallEnded) => void;
}

const TRANSFER_SECONDS = 120;
const GLARE_TRIES = 3;
const NORMAL = { reason: 'Q.850;cause=16;text="Normal call clearing"' };
const EXPIRED = { reason: 'SIP;cause=408;text="Session expired"' };

/** A call from its answer to its end (RFC 3261 sections 12, 14 and 15). Owns its timers. */
export class EstablishedCall {
  private readonly timer: SessionTimer;
  private readonly requests: DialogRequests;
  private readonly glare = new Timer();
  private transfer: Transfer | undefined;
  private ended = false;
  private ending: Promise<void> | undefined;
  private offering = false;
  private minSe = MIN_SESSION_SECONDS;
  /** What we said last of our media: a refresh by re-INVITE says it again. */
  private described: string;
  private mayUpdate: boolean;

  constructor(private readonly parts: EstablishedCallDeps) {
    const { core, request, dialog, answer } = parts;
    this.described = request.sdp;
    this.mayUpdate = mayUpdate(answer);
    this.timer = new SessionTimer({
      secondMs: core.timers.secondMs,
      onRefresh: () => {
        core.background(this.refresh());
      },
      onExpired: () => {
        core.background(this.lose(EXPIRED));
      },
    });
    this.requests = new DialogRequests(dialog, this.timer, {
      onOffer: request.onOffer,
      onAnswer: (sdp) => request.onAnswer?.(sdp),
      onDescribed: (sdp) => (this.described = sdp),
      onBye: (bye) => {
        this.end({ by: 'remote', reasonHeaders: [...bye.headers.all('reason')] });
      },
      onNotify: (notify) => this.transfer?.notified(notify),
      onNoAck: () => {
        core.background(this.lose(EXPIRED));
      },
      isOffering: () => this.offering,
    });
    this.timer.arm(parseSessionExpires(answer.headers.get('session-expires'), 'us'));
  }

  get state(): DialogState {
    return this.parts.dialog.toJSON();
  }

  receive(transaction: ServerTransaction, parts: Essentials): void {
    this.requests.receive(transaction, parts);
  }

  /** Resolves when the far end has confirmed, or will not any more. */
  hangup(): Promise<void> {
    if (!this.ending && !this.ended) {
      this.ending = this.bye(NORMAL);
      this.end({ by: 'local', reasonHeaders: [] });
    }
    return this.ending ?? Promise.resolve();
  }

  /** RFC 3261 section 14.1; tries again where both sides offered at once. */
  async reinvite(sdp: string): Promise<{ status: number; sdp: string | null }> {
    for (let tries = 1; ; tries++) {
      if (this.ended) return { status: 481, sdp: null };
      if (this.offering || this.requests.isAnswering) return { status: 491, sdp: null };
      const response = await this.offer(sdp);
      if (response?.status !== 491 || tries === GLARE_TRIES)
        return { status: response?.status ?? 408, sdp: response?.status === 200 ? (sdpOf(response) ?? null) : null };
      await this.waitAfterGlare();
    }
  }

  async refer(to: string, patienceMs?: number): Promise<ReferResult> {
    if (this.ended) return { accepted: false, status: 481 };
    const { core, digest, dialog } = this.parts;
    const headers = { 'refer-to': formatNameAddr(to), 'referred-by': dialog.toJSON().localParty };
    const { secondMs } = core.timers;
    const transfer = new Transfer(patienceMs ?? TRANSFER_SECONDS * secondMs, secondMs);
    this.transfer = transfer;
    const hops = await core.hopsWithin(dialog);
    const response = await core.request({ hops, digest, draft: () => dialog.next('REFER', { headers }) });
    transfer.responded(response?.status ?? 408);
    this.noticeLoss(response);
    return transfer.result;
  }

  /** Gives the call up without a word. */
  stop(): void {
    this.ended = true;
    this.timer.stop();
    this.glare.stop();
    this.transfer?.callEnded();
  }

  private async offer(sdp: string): Promise<SipResponse | null> {
    if (this.ended || this.offering) return null;
    this.offering = true;
    try {
      const response = await this.sendInvite(sdp);
      if (response && response.status < 300) {
        this.described = sdp;
        this.timer.arm(parseSessionExpires(response.headers.get('session-expires'), 'us'));
      }
      this.noticeLoss(response);
      return response;
    } finally {
      this.offering = false;
    }
  }

  private async sendInvite(sdp: string): Promise<SipResponse | null> {
    const { core, digest, dialog } = this.parts;
    const acks = new Map<SipRequest, Promise<() => void>>();
    return core.request({
      hops: await core.hopsWithin(dialog),
      digest,
      draft: () => dialog.next('INVITE', { headers: this.refreshHeaders(), sdp }),
      onAccepted: (response, invite) => {
        const known = acks.get(invite);
        if (!known) dialog.retarget(response);
        const ack = known ?? core.acknowledge(dialog, invite);
        acks.set(invite, ack);
        const repeat = (again: () => void): void => {
          if (known) again();
        };
        core.background(ack.then(repeat));
      },
    });
  }

  private refreshHeaders(): Record<string, string> {
    const terms = this.timer.terms;
    const base = { allow: ALLOW, supported: 'timer', 'min-se': String(this.minSe) };
    if (!terms) return base;
    const seconds = Math.max(terms.seconds, this.minSe);
    return { ...base, 'session-expires': `${seconds};refresher=${terms.refresher === 'us' ? 'uac' : 'uas'}` };
  }

  /** Tells the far end that the session goes on (RFC 4028 section 7.4): by UPDATE, or where it knows none, re-INVITE. */
  private async refresh(): Promise<void> {
    const response = this.mayUpdate ? await this.update() : await this.offer(this.described);
    if (this.ended || !response) return;
    const { status, headers } = response;
    if (status === 422) {
      const wanted = parseNumber(headers.get('min-se')?.split(';')[0]) ?? 0;
      if (wanted <= this.minSe) return;
      this.minSe = wanted;
      await this.refresh();
    } else if (this.mayUpdate && [405, 501, 415, 420].includes(status)) {
      this.mayUpdate = false;
      await this.refresh();
    } else if (status === 491) {
      await this.waitAfterGlare();
      await this.refresh();
    }
  }

  private async update(): Promise<SipResponse | null> {
    const { core, digest, dialog } = this.parts;
    const hops = await core.hopsWithin(dialog);
    const draft = () => dialog.next('UPDATE', { headers: this.refreshHeaders() });
    const response = await core.request({ hops, digest, draft });
    if (response && response.status < 300) {
      dialog.retarget(response);
      this.timer.arm(parseSessionExpires(response.headers.get('session-expires'), 'us'));
    }
    this.noticeLoss(response);
    return response;
  }

  /** 2.1 to 4 seconds: we own the Call-ID (RFC 3261 section 14.1). */
  private waitAfterGlare(): Promise<void> {
    const seconds = 2.1 + Math.random() * 1.9;
    return new Promise((resolve) => {
      this.glare.set(seconds * this.parts.core.timers.secondMs, resolve);
    });
  }

  /** 481 and silence say that the far end has no such call (RFC 5057). */
  private noticeLoss(response: Pick<SipResponse, 'status'> | null): void {
    if (response?.status === 481) this.end({ by: 'lost', reasonHeaders: [] });
    else if (response === null || response.status === 408) this.parts.core.background(this.lose(NORMAL));
  }

  private async lose(headers: Record<string, string>): Promise<void> {
    if (this.ended) return;
    this.ending = this.bye(headers);
    this.end({ by: 'lost', reasonHeaders: [headers['reason'] ?? ''] });
    await this.ending;
  }

  private async bye(headers: Record<string, string>): Promise<void> {
    const { core, dialog, digest } = this.parts;
    await core.bye(dialog, digest, headers);
  }

  private end(event: Omit<CallEnded, 'type'>): void {
    if (this.ended) return;
    const referred = this.transfer?.wasTaken === true;
    this.stop();
    this.parts.onEnded({ type: 'ended', ...event, ...(referred ? { referred } : {}) });
  }
}

/** Whether an UPDATE is worth trying: where the far end says what it allows, it must be among that. */
function mayUpdate({ headers }: SipResponse): boolean {
  const allowed = headers.all('allow');
  return allowed.length === 0 || allowed.some((method) => method.toUpperCase() === 'UPDATE');
}
