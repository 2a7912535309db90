import { type Log } from '../../lib/platform/index.js';
import { type AudioPort } from '../../lib/audio/index.js';
import { type MediaEvent, type MediaReport } from '../../lib/media/index.js';
import { type CallEnded, type CallEvent } from '../../lib/sip/index.js';
import {
  type CallLeg,
  type DialRequest,
  type LegEnd,
  type LegSignal,
  type TransferMode,
  type TransferOptions,
  type TransferResult,
} from '../provider.js';
import { Bridge, type BridgeDeps, refused, TRANSFER_CANCELLED } from './bridge.js';
import { signalOf } from './media-signals.js';
import { type PlacedCall } from './place-call.js';
import { SignalLog } from '../signal-log.js';
import { type SipLegLedger } from './sip-leg-ledger.js';
import { endOfEnded, endOfFailed, type SipEnd } from './sip-reasons.js';

/** The longest delay of `setTimeout`. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const LOST: SipEnd = {
  reason: 'error_media_lost',
  sipCode: null,
  by: 'system',
  detail: 'The call was lost track of',
};
const AGENT_CLOSED: SipEnd = {
  reason: 'telephony_provider_unavailable',
  sipCode: null,
  by: 'system',
  detail: 'The SIP user agent closed',
};

type TimedEnd = LegEnd & { at: Date };

export interface SipLegDeps {
  request: DialRequest;
  placed: PlacedCall;
  ledger: SipLegLedger;
  /** The SIP URI of a number at this carrier. */
  uriOf: (e164: string) => string;
  callTarget: BridgeDeps['callTarget'];
  log: Log;
}

/** One attempt over SIP: turns the events of a SIP call and its media into signals. */
export class SipLeg implements CallLeg {
  private readonly signalLog = new SignalLog();
  /** The reason of a hang-up by this process. */
  private hangupReason: SipEnd | undefined;
  private isAnswered = false;
  private hasEnded = false;
  private durationTimer: NodeJS.Timeout | undefined;
  private readonly bridge: Bridge;
  private isTransferring = false;
  /** The target of a REFER, E.164. */
  private referredTo: string | undefined;
  /** Resolves when the leg has ended, its end is recorded and its ports are free. */
  readonly closed: Promise<void>;

  constructor(private readonly deps: SipLegDeps) {
    const { callTarget, placed, log } = deps;
    const { callId } = deps.request;
    this.bridge = new Bridge({
      callId,
      media: placed.media,
      callTarget,
      log,
      onConnected: (to) => {
        this.addTransferred(to, 'bridge');
      },
      onEnd: (end) => {
        this.endSoon(end);
      },
    });
    this.closed = this.follow()
      .catch((error: unknown) => {
        log.error({ err: error, callId }, 'SIP call handling failed; ending the call');
        this.endSoon(LOST);
        return { at: new Date(), ...LOST };
      })
      .then((end) => this.close(end));
    this.followMedia().catch((error: unknown) => {
      log.error({ err: error, callId }, 'handling the media events of a call failed');
    });
  }

  get signals(): AsyncIterable<LegSignal> {
    return { [Symbol.asyncIterator]: () => this.signalLog.read() };
  }

  get audio(): AudioPort {
    return this.deps.placed.media.audio;
  }

  hangup(): Promise<void> {
    return this.end({ reason: 'agent_hangup', sipCode: null, by: 'agent', detail: null });
  }

  sendDtmf(digits: string): Promise<void> {
    return this.deps.placed.media.sendDtmf(digits);
  }

  async transfer(to: string, { mode, ...options }: TransferOptions): Promise<TransferResult> {
    if (!this.isAnswered || this.hangupReason || this.hasEnded) return refused('The customer is not on the line');
    if (this.isTransferring) return refused('The customer is being transferred already');
    this.isTransferring = true;
    this.referredTo = undefined;
    const transfer = mode === 'refer' ? this.refer(to, options) : this.bridge.connect(to, options);
    const result = await transfer.catch((error: unknown) => {
      this.deps.log.error({ err: error, callId: this.deps.request.callId }, 'a transfer failed');
      return refused('The transfer failed');
    });
    if (result.status === 'refused') this.isTransferring = false;
    return result;
  }

  /** Hangs up. The first reason counts. */
  async end(reason: SipEnd): Promise<void> {
    this.hangupReason ??= reason;
    await this.deps.placed.call.hangup();
  }

  private endSoon(reason: SipEnd): void {
    const { log, request } = this.deps;
    this.end(reason).catch((error: unknown) => {
      log.error({ err: error, callId: request.callId }, 'a SIP call could not be hung up');
    });
  }

  private async refer(to: string, { ringTimeoutMs, signal }: Omit<TransferOptions, 'mode'>): Promise<TransferResult> {
    if (signal?.aborted) return refused(TRANSFER_CANCELLED);
    this.referredTo = to;
    const { accepted, status } = await this.deps.placed.call.refer(this.deps.uriOf(to), ringTimeoutMs);
    if (!accepted) {
      // A far end that has not reported in time may still go there, and hang up then.
      if (status !== 408) this.referredTo = undefined;
      return refused(`The far end does not transfer the call (SIP ${status})`);
    }
    this.addTransferred(to, 'refer');
    // After the REFER the transferor leaves the call (RFC 5589 section 6.1).
    this.endSoon(endOfRefer(to));
    return { status: 'connected' };
  }

  private addTransferred(to: string, mode: TransferMode): void {
    if (!this.signalLog.all.some(({ type }) => type === 'transferred'))
      this.signalLog.add({ type: 'transferred', at: new Date(), to, mode });
  }

  /** Applies the events of the call until its end. */
  private async follow(): Promise<TimedEnd> {
    let last: TimedEnd = { at: new Date(), ...AGENT_CLOSED };
    for await (const event of this.deps.placed.call.events) {
      const end = await this.apply(event);
      if (end) last = { ...end, at: event.at };
    }
    return last;
  }

  private async close(end: TimedEnd): Promise<void> {
    const { placed, request, log } = this.deps;
    this.hasEnded = true;
    clearTimeout(this.durationTimer);
    // Before the end is recorded: a process that takes the leg over ends both calls while this one is open.
    await this.bridge.stop();
    const report = await placed.media.close().catch((error: unknown) => {
      log.error({ err: error, callId: request.callId }, 'the media of a call could not be closed');
      return undefined;
    });
    await this.recordEnd(end, report);
  }

  /** @returns the end of the call, for the event that ends it */
  private async apply(event: CallEvent): Promise<SipEnd | undefined> {
    const { at } = event;
    switch (event.type) {
      case 'trying':
        return undefined;
      case 'ringing':
        this.signalLog.add({ type: 'ringing', at });
        return undefined;
      case 'early':
        this.deps.placed.negotiation.accept(event.sdp);
        this.signalLog.add({ type: 'early', at });
        return undefined;
      case 'answered':
        await this.applyAnswer(at, event.sdp);
        return undefined;
      case 'failed':
        return event.cause === 'cancelled' ? (this.hangupReason ?? endOfFailed(event)) : endOfFailed(event);
      case 'ended':
        return this.endOf(event);
    }
  }

  private endOf(event: CallEnded): SipEnd {
    const { connectedTo } = this.bridge;
    if (event.by === 'local') return this.hangupReason ?? endOfEnded(event);
    if (event.by === 'lost') return endOfEnded(event);
    // The far end follows the REFER, and its BYE overtakes the report.
    if (this.referredTo !== undefined && event.referred) {
      this.addTransferred(this.referredTo, 'refer');
      return endOfRefer(this.referredTo);
    }
    if (connectedTo === undefined) return endOfEnded(event);
    const detail = `Transferred to ${connectedTo}; the customer hung up`;
    return { reason: 'call_transfer', sipCode: null, by: 'customer', detail };
  }

  private async applyAnswer(at: Date, sdp: string): Promise<void> {
    const { placed, ledger, request, log } = this.deps;
    const { call, media, negotiation } = placed;
    const problem = negotiation.accept(sdp);
    if (problem !== undefined) {
      this.endSoon({ reason: 'dial_failed', sipCode: 488, by: 'carrier', detail: problem });
      return;
    }
    media.answered(at);
    this.isAnswered = true;
    const limitMs = Math.min(request.maxDurationMs, MAX_TIMER_MS);
    this.durationTimer = setTimeout(() => {
      this.endSoon({ reason: 'max_duration_reached', sipCode: null, by: 'system', detail: null });
    }, limitMs);
    const dialog = call.dialogState();
    if (dialog)
      await ledger.recordAnswer(request.attemptId, at, dialog).catch((error: unknown) => {
        log.error(
          { err: error, callId: request.callId },
          'a dialog could not be recorded; no other process can end it',
        );
      });
    this.signalLog.add({ type: 'answered', at });
  }

  private async recordEnd({ at, ...end }: TimedEnd, report: MediaReport | undefined): Promise<void> {
    const { ledger, request, log } = this.deps;
    const hasNoAudio = end.reason === 'error_media_lost' && report?.quality.packetsReceived === 0;
    const signal: LegSignal = {
      type: 'ended',
      at,
      ...end,
      ...(hasNoAudio ? { reason: 'error_no_audio_received' } : {}),
      ...(this.isAnswered && report ? { quality: report.quality } : {}),
    };
    await ledger.recordEnd(request.attemptId, [...this.signalLog.all, signal]).catch((error: unknown) => {
      log.error({ err: error, callId: request.callId }, 'the end of a SIP call could not be recorded');
    });
    this.signalLog.add(signal);
  }

  private async followMedia(): Promise<void> {
    for await (const event of this.deps.placed.media.events) this.applyMedia(event);
  }

  private applyMedia(event: MediaEvent): void {
    const signal = signalOf(event);
    if (signal) this.signalLog.add(signal);
    if (event.type === 'media-lost') {
      const detail = 'No audio has come from the far end for too long';
      this.endSoon({ reason: 'error_media_lost', sipCode: null, by: 'carrier', detail });
    }
    if (event.type === 'recording-failed')
      this.deps.log.error({ callId: this.deps.request.callId, detail: event.detail }, 'a recording has gaps');
  }
}

const endOfRefer = (to: string): SipEnd => ({
  reason: 'call_transfer',
  sipCode: null,
  by: 'agent',
  detail: `Transferred to ${to} by the far end`,
});
