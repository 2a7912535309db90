import { type Log } from '../../lib/platform/index.js';
import { type MediaSession } from '../../lib/media/index.js';
import { type CallEnded, type CallEvent } from '../../lib/sip/index.js';
import { type PlacedCall } from './place-call.js';
import { type SipLegLedger } from './sip-leg-ledger.js';
import { endOfFailed, type SipEnd } from './sip-reasons.js';
import { refusalOf } from './transfer-refusal.js';

const LOST = { reason: 'error_media_lost', sipCode: null, by: 'carrier' } as const;

export interface TransferTargetDeps {
  placed: PlacedCall;
  /** E.164. */
  to: string;
  attemptId: string;
  ledger: SipLegLedger;
  /** Called for each sign that the phone rings. */
  onRinging: () => void;
  log: Log;
}

/** The second call of a bridge, to the target of the transfer. */
export class TransferTarget {
  /** Resolves with undefined when the target answers, else with the reason in words. */
  readonly answer: Promise<string | undefined>;
  private resolveAnswer: (problem: string | undefined) => void = () => undefined;
  /** Resolves when this call ends, with the end that the customer's leg gets from it; undefined: the leg stays. */
  readonly ended: Promise<SipEnd | undefined>;
  /** Resolves after `ended`, when the ports are free and the end is recorded. */
  readonly closed: Promise<void>;
  private hasHungUp = false;
  private isMediaLost = false;

  constructor(private readonly deps: TransferTargetDeps) {
    const { attemptId, log } = deps;
    this.answer = new Promise((resolve) => (this.resolveAnswer = resolve));
    this.ended = this.follow().catch((error: unknown) => {
      log.error({ err: error, attemptId }, 'handling the call to a transfer target failed; ending it');
      this.resolveAnswer('The call there was lost track of');
      this.hangupSoon();
      return { ...LOST, detail: `The call with ${deps.to} was lost track of` };
    });
    this.closed = this.ended.then(() => this.close());
    this.followMedia().catch((error: unknown) => {
      log.error({ err: error, attemptId }, 'handling the media events of a transfer target failed');
    });
  }

  get media(): MediaSession {
    return this.deps.placed.media;
  }

  /** Sends CANCEL or BYE. Idempotent; resolves when the far end has confirmed, or will not. */
  hangup(): Promise<void> {
    this.hasHungUp = true;
    return this.deps.placed.call.hangup();
  }

  private hangupSoon(): void {
    const { attemptId, log } = this.deps;
    this.hangup().catch((error: unknown) => {
      log.error({ err: error, attemptId }, 'a transfer target could not be hung up');
    });
  }

  private async follow(): Promise<SipEnd | undefined> {
    let end: SipEnd | undefined;
    for await (const event of this.deps.placed.call.events) end = (await this.apply(event)) ?? end;
    this.resolveAnswer('The call there has ended');
    return end;
  }

  private async close(): Promise<void> {
    const { ledger, attemptId, log } = this.deps;
    await this.media.close().catch((error: unknown) => {
      log.error({ err: error, attemptId }, 'the media of a transfer target could not be closed');
    });
    await ledger.recordEnd(attemptId, []).catch((error: unknown) => {
      log.error({ err: error, attemptId }, 'the end of a transfer target could not be recorded');
    });
  }

  private async apply(event: CallEvent): Promise<SipEnd | undefined> {
    switch (event.type) {
      case 'trying':
        return undefined;
      case 'ringing':
      case 'early':
        this.deps.onRinging();
        return undefined;
      case 'answered':
        await this.applyAnswer(event.at, event.sdp);
        return undefined;
      case 'failed':
        this.resolveAnswer(refusalOf(endOfFailed(event)));
        return undefined;
      case 'ended':
        return this.endOf(event);
    }
  }

  private async applyAnswer(at: Date, sdp: string): Promise<void> {
    const { placed, ledger, attemptId, log } = this.deps;
    const problem = placed.negotiation.accept(sdp);
    if (problem !== undefined) {
      this.resolveAnswer(problem);
      this.hangupSoon();
      return;
    }
    placed.media.answered(at);
    const dialog = placed.call.dialogState();
    if (dialog)
      await ledger.recordAnswer(attemptId, at, dialog).catch((error: unknown) => {
        log.error({ err: error, attemptId }, 'a dialog could not be recorded; no other process can end it');
      });
    this.resolveAnswer(undefined);
  }

  private endOf({ by }: CallEnded): SipEnd | undefined {
    const { to } = this.deps;
    if (this.isMediaLost) return { ...LOST, detail: `No audio has come from ${to} for too long` };
    if (by === 'lost') return { ...LOST, detail: `${to} does not know the call any more` };
    if (this.hasHungUp || by === 'local') return undefined;
    return { reason: 'call_transfer', sipCode: null, by: 'operator', detail: `Transferred to ${to}, who hung up` };
  }

  private async followMedia(): Promise<void> {
    for await (const event of this.media.events) {
      if (event.type !== 'media-lost') continue;
      this.isMediaLost = true;
      this.hangupSoon();
    }
  }
}
