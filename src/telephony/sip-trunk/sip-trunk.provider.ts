import { Inject, Injectable } from '@nestjs/common';
import { type Config } from '../../config/config.js';
import { InjectConfig } from '../../config/inject-config.js';
import { Database, Log, withTimeout, messageOf } from '../../lib/platform/index.js';
import { CarriersForCalls, type SipCarrier } from '../../carriers/index.js';
import { endedLeg } from '../ended-leg.js';
import { type CallLeg, type DialRequest, type FoundLeg, type LegSignal, type TelephonyProvider } from '../provider.js';
import { MAX_TRANSFERS, type TargetCallRequest } from './bridge.js';
import { placeCall } from './place-call.js';
import { SipEndpoints, type SipEndpointsOptions } from './sip-endpoints.js';
import { SipLeg } from './sip-leg.js';
import { type AnsweredLeg, type LegOrigin, SipLegLedger } from './sip-leg-ledger.js';
import { destinationUri } from './sip-names.js';
import { TransferTarget } from './transfer-target.js';

/** Longest wait for the far ends to confirm their BYE when the process stops. */
const GOODBYE_MS = 3_000;

/** Calls through any SIP trunk. A line lives and dies with the process that dialled it. */
@Injectable()
export class SipTrunkProvider implements TelephonyProvider {
  readonly name = 'sip';
  private readonly ledger: SipLegLedger;
  private readonly endpoints: SipEndpoints;
  /** The attempts of this process that have not ended. */
  private readonly attempts = new Map<string, Promise<CallLeg>>();
  private readonly legs = new Set<SipLeg>();
  private closed = false;

  constructor(
    database: Database,
    @Inject(CarriersForCalls) private readonly carriers: Pick<CarriersForCalls, 'find'>,
    private readonly log: Log,
    @InjectConfig() config: Pick<Config, 'sip'> & { sip: SipEndpointsOptions },
  ) {
    this.ledger = new SipLegLedger(database);
    this.endpoints = new SipEndpoints(config.sip, log);
  }

  async dial(request: DialRequest): Promise<CallLeg> {
    this.throwIfClosed();
    const { attemptId } = request;
    let leg = this.attempts.get(attemptId);
    if (!leg) {
      leg = this.dialOnce(request);
      this.attempts.set(attemptId, leg);
      // A failed dial may be repeated.
      leg.catch(() => this.attempts.delete(attemptId));
    }
    return leg;
  }

  async find(attemptId: string): Promise<FoundLeg> {
    this.throwIfClosed();
    const own = await this.attempts.get(attemptId)?.catch(() => undefined);
    if (own) return { status: 'open', leg: own };
    const recorded = await this.ledger.find(attemptId);
    switch (recorded.status) {
      case 'never':
      case 'ended':
        return recorded;
      case 'dialing':
        // The process that dialled is gone with its transaction: nothing tells whether the phone rang.
        return { status: 'unknown' };
      case 'answered':
        return { status: 'ended', signals: await this.endLostLeg(attemptId, recorded) };
    }
  }

  /** Ends all open legs: no other process can carry them on. */
  async close(): Promise<void> {
    this.closed = true;
    const detail = 'The worker that carried the call was stopped';
    const closed = [...this.legs].map(async (leg) => {
      await leg.end({ reason: 'error_media_lost', sipCode: null, by: 'system', detail });
      await leg.closed;
    });
    // Session timers of the far ends end calls whose BYE is not confirmed in time.
    await withTimeout(GOODBYE_MS, 'ending calls', Promise.allSettled(closed)).catch(() => undefined);
    await this.endpoints.close();
  }

  private throwIfClosed(): void {
    if (this.closed) throw new Error('The SIP provider is closed');
  }

  private async dialOnce(request: DialRequest): Promise<CallLeg> {
    const { attemptId, callId, line } = request;
    if (line.carrier.kind !== 'sip') throw new Error('A SIP call needs a SIP carrier');
    const { carrier } = line;
    if (!(await this.ledger.claim(attemptId, originOf(request)))) return this.recordedLeg(attemptId);
    try {
      // A leg that opens after `close` would never be ended.
      this.throwIfClosed();
      return await this.open(request, carrier);
    } catch (error) {
      // Nothing was sent.
      this.log.error({ err: error, callId, carrierId: carrier.id }, 'a SIP call could not be placed');
      const detail = `The call could not be begun: ${messageOf(error)}`;
      const at = new Date();
      const signals: LegSignal[] = [
        { type: 'ended', at, reason: 'telephony_provider_unavailable', sipCode: null, by: 'system', detail },
      ];
      await this.ledger.recordEnd(attemptId, signals);
      this.attempts.delete(attemptId);
      return endedLeg(signals);
    }
  }

  private async open(request: DialRequest, carrier: SipCarrier): Promise<CallLeg> {
    const { attemptId, line } = request;
    const { recordTo, detectsAnswer: detectAnswer } = line;
    const placed = await placeCall(this.endpoints, carrier, { ...request, recordTo, detectAnswer });
    const leg = new SipLeg({
      request,
      placed,
      ledger: this.ledger,
      log: this.log,
      uriOf: (e164) => destinationUri(e164, carrier),
      callTarget: (target) => this.callTarget(request, carrier, target),
    });
    this.legs.add(leg);
    void leg.closed.finally(() => {
      this.legs.delete(leg);
      this.attempts.delete(attemptId);
    });
    return leg;
  }

  /** Places the second call of a bridge; like the first, it is recorded before anything is sent. */
  private async callTarget(
    leg: DialRequest,
    carrier: SipCarrier,
    { transfer, onRinging, ...request }: TargetCallRequest,
  ): Promise<TransferTarget> {
    const { ledger, endpoints, log } = this;
    const attemptId = transferAttemptId(leg.attemptId, transfer);
    if (!(await ledger.claim(attemptId, originOf(leg)))) throw new Error('This transfer was begun before');
    try {
      this.throwIfClosed();
      const placed = await placeCall(endpoints, carrier, { ...request, attemptId });
      return new TransferTarget({ placed, to: request.to, attemptId, ledger, onRinging, log });
    } catch (error) {
      await ledger.recordEnd(attemptId, []);
      throw error;
    }
  }

  /** The leg of an attempt that was dialled before, in this process or another. */
  private async recordedLeg(attemptId: string): Promise<CallLeg> {
    this.attempts.delete(attemptId);
    const recorded = await this.ledger.find(attemptId);
    if (recorded.status === 'ended') return endedLeg(recorded.signals);
    throw new Error(
      recorded.status === 'never'
        ? 'The attempt was looked up before its dial: it is refused'
        : 'Another process dials this attempt',
    );
  }

  /** Ends an answered leg of a process that is gone, and its transfer, so that no silent call costs money. */
  private async endLostLeg(attemptId: string, leg: AnsweredLeg): Promise<LegSignal[]> {
    const detail = 'The worker that carried the call ended';
    const signals: LegSignal[] = [
      { type: 'answered', at: leg.answeredAt },
      { type: 'ended', at: new Date(), reason: 'error_media_lost', sipCode: null, by: 'system', detail },
    ];
    const transfers = Array.from({ length: MAX_TRANSFERS }, (_, index) => transferAttemptId(attemptId, index + 1));
    const targets = await this.ledger.endAnswered(transfers);
    await this.ledger.recordEnd(attemptId, signals);
    for (const one of [leg, ...targets]) void this.sendBye(one);
    return signals;
  }

  private async sendBye({ dialog, organizationId, carrierId }: AnsweredLeg): Promise<void> {
    try {
      const found = await this.carriers.find(organizationId, carrierId);
      const carrier = found?.kind === 'sip' ? found : undefined;
      const { agent } = await this.endpoints.agentFor(dialog.target.address, carrier?.verifyTls ?? true);
      await agent.byeFor(dialog, carrier?.credentials);
    } catch (error) {
      this.log.warn({ err: error, carrierId }, 'the BYE of a lost call could not be sent');
    }
  }
}

const originOf = ({ callId, line }: DialRequest): LegOrigin => ({
  callId,
  organizationId: line.organizationId,
  carrierId: line.carrier.id,
});

/** The attempt id of a transfer's second call, derived from the leg's so that any process can look it up. */
const transferAttemptId = (attemptId: string, transfer: number): string => `${attemptId}-transfer-${transfer}`;
