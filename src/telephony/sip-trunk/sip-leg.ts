import { type Log } from '../../lib/platform/index.js';
import { type AudioPort } from '../../lib/audio/index.js';
import { type MediaEvent, type MediaReport } from '../../lib/media/index.js';
import { type CallEnded, type CallEvent } from '../../lib/sip/index.js';
import { endOfEnded, endOfFailed, type SipEnd } from './sip-reasons.js';
import { SignalLog } from './signal-log.js';
import {
  type CallLeg,
  type DialRequest,
  type LegEnd,
  type LegSignal,
  type TransferMode,
  type TransferOptions,
  type TransferResult,
} from '../provider.js';
import { Bridge, type BridgeDeps, GIVEN_UP, refused } from './bridge.js';
import { signalOf } from './media-signals.js';
import { type PlacedCall } from './place-call.js';
import { type SipLegLedger } from './sip-leg-ledger.js';

/** `setTimeout` takes no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const LOST: SipEnd = {
  reason: 'error_media_lost',
  sipCode: null,
  by: 'system',
  detail: 'The call was lost track of',
};

export interface SipLegDeps {
  request: DialRequest;
  placed: PlacedCall;
  ledger: SipLegLedger;
  /** The SIP URI of a number at this carrier. */
  uriOf: (e164: string) => string;
  callTarget: BridgeDeps['callTarget'];
  log: Log;
}

/** One attempt to reach one phone: a SIP call and its media, told as signals. */
export class SipLeg implements CallLeg {
  private readonly told = new SignalLog();
  /** Why we end the call ourselves. */
  private ending: SipEnd | undefined;
  private isAnswered = false;
  private isOver = false;
  private durationTimer: NodeJS.Timeout | undefined;
  private readonly bridge: Bridge;
  private isTransferring = false;
  /** Where the far end was asked to go itself, E.164. */
  private referredTo: string | undefined;
  /** Resolves when the leg is over and everything has been told. */
  readonly over: Promise<void>;

  constructor(private readonly parts: SipLegDeps) {
    const { callTarget, log } = parts;
    this.bridge = new Bridge({
      ...{ callId: parts.request.callId, media: parts.placed.media, callTarget, log },
      connected: (to) => {
        this.transferred(to, 'bridge');
      },
      over: (end) => {
        this.endSoon(end);
      },
    });
    const { callId } = parts.request;
    this.over = this.run()
      .catch((error: unknown) => {
        log.error({ err: error, callId }, 'a SIP call was lost track of');
        this.endSoon(LOST);
        return { at: new Date(), ...LOST };
      })
      .then((end) => this.conclude(end));
    this.followMedia().catch((error: unknown) => {
      log.error({ err: error, callId }, 'the media of a call were lost track of');
    });
  }

  get signals(): AsyncIterable<LegSignal> {
    return { [Symbol.asyncIterator]: () => this.told.read() };
  }

  get story(): readonly LegSignal[] {
    return this.told.all;
  }

  get audio(): AudioPort {
    return this.parts.placed.media.audio;
  }

  hangup(): Promise<void> {
    return this.end({ reason: 'agent_hangup', sipCode: null, by: 'agent', detail: null });
  }

  sendDtmf(digits: string): Promise<void> {
    return this.parts.placed.media.sendDtmf(digits);
  }

  async transfer(to: string, { mode, ...options }: TransferOptions): Promise<TransferResult> {
    if (!this.isAnswered || this.ending || this.isOver) return refused('The customer is not on the line');
    if (this.isTransferring) return refused('The customer is being transferred already');
    this.isTransferring = true;
    this.referredTo = undefined;
    const transfer = mode === 'refer' ? this.refer(to, options) : this.bridge.connect(to, options);
    const result = await transfer.catch((error: unknown) => {
      this.parts.log.error({ err: error, callId: this.parts.request.callId }, 'a transfer failed');
      return refused('The transfer failed');
    });
    if (result.status === 'refused') this.isTransferring = false;
    return result;
  }

  /** Ends the call for a reason of ours, unless it is ending already. */
  async end(why: SipEnd): Promise<void> {
    this.ending ??= why;
    await this.parts.placed.call.hangup();
  }

  private async refer(to: string, { ringTimeoutMs, signal }: Omit<TransferOptions, 'mode'>): Promise<TransferResult> {
    if (signal?.aborted) return refused(GIVEN_UP);
    this.referredTo = to;
    const { accepted, status } = await this.parts.placed.call.refer(this.parts.uriOf(to), ringTimeoutMs);
    if (!accepted) {
      // Who has not told in time may go there yet, and hang up then.
      if (status !== 408) this.referredTo = undefined;
      return refused(`The far end does not transfer the call (SIP ${status})`);
    }
    this.transferred(to, 'refer');
    // Who asked for it has no part in it any more (RFC 5589 section 6.1).
    this.endSoon(endOfRefer(to));
    return { status: 'connected' };
  }

  private transferred(to: string, mode: TransferMode): void {
    if (!this.told.all.some(({ type }) => type === 'transferred'))
      this.told.add({ type: 'transferred', at: new Date(), to, mode });
  }

  /** The same where nobody waits for it. */
  private endSoon(why: SipEnd): void {
    const { log, request } = this.parts;
    this.end(why).catch((error: unknown) => {
      log.error({ err: error, callId: request.callId }, 'a SIP call was not hung up');
    });
  }

  /** @returns how the call ended, once it has */
  private async run(): Promise<LegEnd & { at: Date }> {
    let last: LegEnd & { at: Date } = {
      at: new Date(),
      ...{ reason: 'telephony_provider_unavailable', sipCode: null, by: 'system', detail: 'The SIP user agent closed' },
    };
    for await (const event of this.parts.placed.call.events) {
      const end = await this.apply(event);
      if (end) last = { ...end, at: event.at };
    }
    return last;
  }

  private async conclude(end: LegEnd & { at: Date }): Promise<void> {
    const { placed, request, log } = this.parts;
    this.isOver = true;
    clearTimeout(this.durationTimer);
    // First of all: whoever takes the call over when this process dies looks for both while the customer's is open.
    await this.bridge.stop();
    const report = await placed.media.close().catch((error: unknown) => {
      log.error({ err: error, callId: request.callId }, 'the media of a call were not closed');
      return undefined;
    });
    await this.finish(end, report);
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
        this.parts.placed.offered.accept(event.sdp);
        this.told.add({ type: 'early', at });
        return undefined;
      case 'answered':
        await this.answer(at, event.sdp);
        return undefined;
      case 'failed':
        return event.cause === 'cancelled' ? (this.ending ?? endOfFailed(event)) : endOfFailed(event);
      case 'ended':
        return this.endOf(event);
    }
  }

  private endOf(event: CallEnded): SipEnd {
    const { connectedTo } = this.bridge;
    if (event.by === 'local') return this.ending ?? endOfEnded(event);
    if (event.by === 'lost') return endOfEnded(event);
    // It has gone where it was sent before it told so.
    if (this.referredTo !== undefined && event.referred) {
      this.transferred(this.referredTo, 'refer');
      return endOfRefer(this.referredTo);
    }
    if (connectedTo === undefined) return endOfEnded(event);
    const detail = `Transferred to ${connectedTo}; the customer hung up`;
    return { reason: 'call_transfer', sipCode: null, by: 'customer', detail };
  }

  private async answer(at: Date, sdp: string): Promise<void> {
    const { placed, ledger, request, log } = this.parts;
    const { call, media, offered } = placed;
    const problem = offered.accept(sdp);
    if (problem !== undefined) {
      this.endSoon({ reason: 'dial_failed', sipCode: 488, by: 'carrier', detail: problem });
      return;
    }
    media.answered(at);
    this.isAnswered = true;
    const limitMs = Math.min(request.maxDurationMs, LONGEST_TIMER_MS);
    this.durationTimer = setTimeout(() => {
      this.endSoon({ reason: 'max_duration_reached', sipCode: null, by: 'system', detail: null });
    }, limitMs);
    const dialog = call.dialogState();
    if (dialog)
      await ledger.answered(request.attemptId, at, dialog).catch((error: unknown) => {
        log.error({ err: error, callId: request.callId }, 'a dialog was not written down: no other process can end it');
      });
    this.told.add({ type: 'answered', at });
  }

  private async finish({ at, ...end }: LegEnd & { at: Date }, report: MediaReport | undefined): Promise<void> {
    const { ledger, request, log } = this.parts;
    const heardNothing = end.reason === 'error_media_lost' && report?.quality.packetsReceived === 0;
    const signal: LegSignal = {
      type: 'ended',
      at,
      ...end,
      ...(heardNothing ? { reason: 'error_no_audio_received' } : {}),
      ...(this.isAnswered && report ? { quality: report.quality } : {}),
    };
    await ledger.over(request.attemptId, [...this.told.all, signal]).catch((error: unknown) => {
      log.error({ err: error, callId: request.callId }, 'the end of a SIP call was not written down');
    });
    this.told.add(signal);
  }

  private async followMedia(): Promise<void> {
    for await (const event of this.parts.placed.media.events) this.applyMedia(event);
  }

  private applyMedia(event: MediaEvent): void {
    const signal = signalOf(event);
    if (signal) this.told.add(signal);
    if (event.type === 'media-lost') {
      const detail = 'No audio has come from the far end for too long';
      this.endSoon({ reason: 'error_media_lost', sipCode: null, by: 'carrier', detail });
    }
    if (event.type === 'recording-failed')
      this.parts.log.error({ callId: this.parts.request.callId, detail: event.detail }, 'a recording has gaps');
  }
}

const endOfRefer = (to: string): SipEnd => ({
  reason: 'call_transfer',
  sipCode: null,
  by: 'agent',
  detail: `Transferred to ${to} by the far end`,
});
