import { type Log } from '../../lib/platform/index.js';
import { type MediaSession } from '../../lib/media/index.js';
import { type CallEnded, type CallEvent } from '../../lib/sip/index.js';
import { endOfFailed, type SipEnd } from './sip-reasons.js';
import { type PlacedCall } from './place-call.js';
import { type SipLegLedger } from './sip-leg-ledger.js';
import { refusalOf } from './transfer-refusal.js';

const LOST = { reason: 'error_media_lost', sipCode: null, by: 'carrier' } as const;

export interface TransferTargetDeps {
  placed: PlacedCall;
  /** E.164. */
  to: string;
  reference: string;
  ledger: SipLegLedger;
  /** It rings there; said again, it changes nothing. */
  rings: () => void;
  log: Log;
}

/** The second call of a transfer: with whoever is to talk with the customer. */
export class TransferTarget {
  /** Resolves with why nobody can be talked with there, in words; undefined: they have answered. */
  readonly answer: Promise<string | undefined>;
  private told: (problem: string | undefined) => void = () => undefined;
  /** Resolves when the call there has ended: with how the customer's ends for that; undefined: for no reason there. */
  readonly ended: Promise<SipEnd | undefined>;
  /** Resolves when nothing is left of it: its ports are free, and its end is written down. */
  readonly over: Promise<void>;
  private hungUp = false;
  private isSilent = false;

  constructor(private readonly parts: TransferTargetDeps) {
    this.answer = new Promise((resolve) => (this.told = resolve));
    this.ended = this.run().catch((error: unknown) => {
      parts.log.error({ err: error, reference: parts.reference }, 'the call of a transfer was lost track of');
      this.told('The call there was lost track of');
      this.leave();
      return { ...LOST, detail: `The call with ${parts.to} was lost track of` };
    });
    this.over = this.ended.then(() => this.clear());
    this.followMedia().catch((error: unknown) => {
      parts.log.error({ err: error, reference: parts.reference }, 'the media of a transfer were lost track of');
    });
  }

  get media(): MediaSession {
    return this.parts.placed.media;
  }

  /** CANCEL or BYE, as it stands. Any number of times; resolves when the far end has confirmed, or will not any more. */
  hangup(): Promise<void> {
    this.hungUp = true;
    return this.parts.placed.call.hangup();
  }

  /** Hangs up where nobody waits for that. */
  private leave(): void {
    const { reference, log } = this.parts;
    this.hangup().catch((error: unknown) => {
      log.error({ err: error, reference }, 'the call of a transfer was not hung up');
    });
  }

  private async run(): Promise<SipEnd | undefined> {
    let end: SipEnd | undefined;
    for await (const event of this.parts.placed.call.events) end = (await this.apply(event)) ?? end;
    this.told('The call there has ended');
    return end;
  }

  private async clear(): Promise<void> {
    const { ledger, reference, log } = this.parts;
    await this.media.close().catch((error: unknown) => {
      log.error({ err: error, reference }, 'the media of a transfer were not closed');
    });
    await ledger.over(reference, []).catch((error: unknown) => {
      log.error({ err: error, reference }, 'the end of a transfer was not written down');
    });
  }

  private async apply(event: CallEvent): Promise<SipEnd | undefined> {
    switch (event.type) {
      case 'trying':
        return undefined;
      case 'ringing':
      case 'early':
        this.parts.rings();
        return undefined;
      case 'answered':
        await this.answered(event.at, event.sdp);
        return undefined;
      case 'failed':
        this.told(refusalOf(endOfFailed(event)));
        return undefined;
      case 'ended':
        return this.endOf(event);
    }
  }

  private async answered(at: Date, sdp: string): Promise<void> {
    const { placed, ledger, reference, log } = this.parts;
    const problem = placed.offered.accept(sdp);
    if (problem !== undefined) {
      this.told(problem);
      this.leave();
      return;
    }
    placed.media.answered(at);
    const dialog = placed.call.dialogState();
    if (dialog)
      await ledger.answered(reference, at, dialog).catch((error: unknown) => {
        log.error({ err: error, reference }, 'a dialog was not written down: no other process can end it');
      });
    this.told(undefined);
  }

  private endOf({ by }: CallEnded): SipEnd | undefined {
    const { to } = this.parts;
    if (this.isSilent) return { ...LOST, detail: `No audio has come from ${to} for too long` };
    if (by === 'lost') return { ...LOST, detail: `${to} does not know the call any more` };
    if (this.hungUp || by === 'local') return undefined;
    return { reason: 'call_transfer', sipCode: null, by: 'operator', detail: `Transferred to ${to}, who hung up` };
  }

  private async followMedia(): Promise<void> {
    for await (const event of this.media.events) {
      if (event.type !== 'media-lost') continue;
      this.isSilent = true;
      this.leave();
    }
  }
}
