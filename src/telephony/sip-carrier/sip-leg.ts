import { type Log } from '../../platform/index.js';
import { type AudioPort, type MediaEvent, type MediaReport, type MediaSession } from '../media/index.js';
import { type CallEvent, endOfEnded, endOfFailed, type OutgoingCall, type SipEnd } from '../sip/index.js';
import { SignalLog } from '../signal-log.js';
import { type CallLeg, type DialRequest, type LegEnd, type LegSignal } from '../telephony-provider.js';
import { type OfferedMedia } from './offered-media.js';
import { type SipLegLedger } from './sip-leg-ledger.js';

/** `setTimeout` takes no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface SipLegParts {
  request: DialRequest;
  call: OutgoingCall;
  media: MediaSession;
  offered: OfferedMedia;
  ledger: SipLegLedger;
  /** The SIP URI of a number at this carrier. */
  uriOf: (e164: string) => string;
  log: Log;
}

/** One attempt to reach one phone: a SIP call and its media, told as signals. */
export class SipLeg implements CallLeg {
  private readonly told = new SignalLog();
  /** Why we end the call ourselves. */
  private ending: SipEnd | undefined;
  private isAnswered = false;
  private durationTimer: NodeJS.Timeout | undefined;
  /** Resolves when the leg is over and everything has been told. */
  readonly over: Promise<void>;

  constructor(private readonly parts: SipLegParts) {
    this.over = this.run().catch((error: unknown) => {
      parts.log.error({ err: error, callId: parts.request.callId }, 'a SIP call was lost track of');
      const detail = 'The call was lost track of';
      this.told.add({ type: 'ended', at: new Date(), reason: 'error_media_lost', sipCode: null, by: 'system', detail });
    });
    void this.followMedia();
  }

  get signals(): AsyncIterable<LegSignal> {
    return { [Symbol.asyncIterator]: () => this.told.read() };
  }

  get story(): readonly LegSignal[] {
    return this.told.all;
  }

  get audio(): AudioPort {
    return this.parts.media.audio;
  }

  hangup(): Promise<void> {
    return this.end({ reason: 'agent_hangup', sipCode: null, by: 'agent', detail: null });
  }

  sendDtmf(digits: string): Promise<void> {
    return this.parts.media.sendDtmf(digits);
  }

  async transfer(to: string): Promise<boolean> {
    return (await this.parts.call.refer(this.parts.uriOf(to))).accepted;
  }

  /** Ends the call for a reason of ours, unless it is ending already. */
  async end(why: SipEnd): Promise<void> {
    this.ending ??= why;
    await this.parts.call.hangup();
  }

  private async run(): Promise<void> {
    const { call, media } = this.parts;
    let last: LegEnd & { at: Date } = {
      at: new Date(),
      ...{ reason: 'telephony_provider_unavailable', sipCode: null, by: 'system', detail: 'The SIP user agent closed' },
    };
    for await (const event of call.events) {
      const end = await this.apply(event);
      if (end) last = { ...end, at: event.at };
    }
    clearTimeout(this.durationTimer);
    await this.finish(last, await media.close());
  }

  /** @returns how the call ended, when it did */
  private async apply(event: CallEvent): Promise<SipEnd | undefined> {
    const { at } = event;
    switch (event.type) {
      case 'trying':
        return undefined;
      case 'ringing':
        this.told.add({ type: 'ringing', at });
        return undefined;
      case 'early':
        this.parts.offered.accept(event.sdp);
        this.told.add({ type: 'early', at });
        return undefined;
      case 'answered':
        await this.answer(at, event.sdp);
        return undefined;
      case 'failed':
        return event.cause === 'cancelled' ? (this.ending ?? endOfFailed(event)) : endOfFailed(event);
      case 'ended':
        return event.by === 'local' ? (this.ending ?? endOfEnded(event)) : endOfEnded(event);
    }
  }

  private async answer(at: Date, sdp: string): Promise<void> {
    const { call, media, offered, ledger, request, log } = this.parts;
    const problem = offered.accept(sdp);
    if (problem !== undefined) {
      void this.end({ reason: 'dial_failed', sipCode: 488, by: 'carrier', detail: problem });
      return;
    }
    media.answered(at);
    this.isAnswered = true;
    this.durationTimer = setTimeout(
      () => void this.end({ reason: 'max_duration_reached', sipCode: null, by: 'system', detail: null }),
      Math.min(request.maxDurationMs, LONGEST_TIMER_MS),
    );
    const dialog = call.dialogState();
    if (dialog)
      await ledger.answered(request.reference, at, dialog).catch((error: unknown) => {
        log.error({ err: error, callId: request.callId }, 'a dialog was not written down: no other process can end it');
      });
    this.told.add({ type: 'answered', at });
  }

  private async finish({ at, ...end }: LegEnd & { at: Date }, report: MediaReport): Promise<void> {
    const { ledger, request, log } = this.parts;
    const heardNothing = end.reason === 'error_media_lost' && report.quality.packetsReceived === 0;
    const signal: LegSignal = {
      type: 'ended',
      at,
      ...end,
      ...(heardNothing ? { reason: 'error_no_audio_received' } : {}),
      ...(this.isAnswered ? { quality: report.quality } : {}),
    };
    await ledger.over(request.reference, [...this.told.all, signal]).catch((error: unknown) => {
      log.error({ err: error, callId: request.callId }, 'the end of a SIP call was not written down');
    });
    this.told.add(signal);
  }

  private async followMedia(): Promise<void> {
    for await (const event of this.parts.media.events) this.applyMedia(event);
  }

  private applyMedia(event: MediaEvent): void {
    const { at } = event;
    switch (event.type) {
      case 'dtmf': {
        this.told.add({ type: 'dtmf', at, digit: event.digit });
        return;
      }
      case 'answered-by': {
        this.told.add({ type: 'answered_by', at, ...event.answer });
        return;
      }
      case 'beep': {
        this.told.add({ type: 'beep', at });
        return;
      }
      case 'greeting-over': {
        this.told.add({ type: 'greeting_over', at });
        return;
      }
      case 'media-lost': {
        const detail = 'No audio has come from the far end for too long';
        return void this.end({ reason: 'error_media_lost', sipCode: null, by: 'carrier', detail });
      }
      case 'recording-failed':
        this.parts.log.error({ callId: this.parts.request.callId, detail: event.detail }, 'a recording has gaps');
    }
  }
}
