import { Inject, Injectable } from '@nestjs/common';
import { type Config } from '../../config/config.js';
import { InjectConfig } from '../../config/inject-config.js';
import { Database, Log, withTimeout } from '../../lib/platform/index.js';
import { CarriersForCalls, type SipCarrier } from '../../carriers/index.js';
import { type CallLeg, type DialRequest, type FoundLeg, type LegSignal, type TelephonyProvider } from '../provider.js';
import { MOST_TRANSFERS, type TargetPlan } from './bridge.js';
import { placeCall } from './place-call.js';
import { SipLeg } from './sip-leg.js';
import { type AnsweredLeg, type DialledBy, SipLegLedger } from './sip-leg-ledger.js';
import { destinationUri } from './sip-names.js';
import { SipEndpoints, type SipEndpointsOptions } from './sip-endpoints.js';
import { TransferTarget } from './transfer-target.js';

/** How long the far end may take to confirm that a call is over, when this process ends. */
const GOODBYE_MS = 3_000;

/** Live calls through any SIP trunk. A line lives and dies with the process that dialled it. */
@Injectable()
export class SipTrunkProvider implements TelephonyProvider {
  readonly name = 'sip';
  private readonly ledger: SipLegLedger;
  private readonly trunks: SipEndpoints;
  private readonly legs = new Map<string, Promise<CallLeg>>();
  private readonly lines = new Set<SipLeg>();
  private closed = false;

  constructor(
    database: Database,
    @Inject(CarriersForCalls) private readonly carriers: Pick<CarriersForCalls, 'find'>,
    private readonly log: Log,
    @InjectConfig() config: Pick<Config, 'sip'> & { sip: SipEndpointsOptions },
  ) {
    this.ledger = new SipLegLedger(database);
    this.trunks = new SipEndpoints(config.sip, log);
  }

  async dial(request: DialRequest): Promise<CallLeg> {
    this.throwIfClosed();
    const { attemptId: reference } = request;
    let leg = this.legs.get(reference);
    if (!leg) {
      leg = this.dialOnce(request);
      this.legs.set(reference, leg);
      // What is over is told from the ledger; what failed may be asked for again.
      leg.catch(() => this.legs.delete(reference));
    }
    return leg;
  }

  async find(reference: string): Promise<FoundLeg> {
    this.throwIfClosed();
    const known = await this.legs.get(reference)?.catch(() => undefined);
    if (known) return { is: 'live', leg: known };
    const leg = await this.ledger.find(reference);
    switch (leg.is) {
      case 'never':
        return leg;
      case 'over':
        return leg;
      case 'dialing':
        // The process that dialled is gone with its transaction: whether the phone rang cannot be known.
        return { is: 'unknown' };
      case 'answered':
        return { is: 'over', signals: await this.endLost(reference, leg) };
    }
  }

  /** A line cannot be carried by another process: those that are open are ended. */
  async close(): Promise<void> {
    this.closed = true;
    const detail = 'The worker that carried the call was stopped';
    const ended = [...this.lines].map(async (line) => {
      await line.end({ reason: 'error_media_lost', sipCode: null, by: 'system', detail });
      await line.over;
    });
    // A far end that does not confirm in time is left to its session timer.
    await withTimeout(GOODBYE_MS, 'ending calls', Promise.allSettled(ended)).catch(() => undefined);
    await this.trunks.close();
  }

  private throwIfClosed(): void {
    if (this.closed) throw new Error('The SIP provider is closed');
  }

  private async dialOnce(request: DialRequest): Promise<CallLeg> {
    const { attemptId: reference, callId, line } = request;
    if (line?.carrier.kind !== 'sip') throw new Error('A SIP call needs a SIP carrier');
    const { organizationId, carrier } = line;
    if (!(await this.ledger.claim(reference, { callId, organizationId, carrierId: carrier.id })))
      return this.legWritten(reference);
    try {
      // Nobody would end a line that is opened after all others were.
      this.throwIfClosed();
      return await this.open(request, carrier);
    } catch (error) {
      // Nothing was sent.
      this.log.error({ err: error, callId, carrierId: carrier.id }, 'a SIP call could not be begun');
      const detail = `The call could not be begun: ${error instanceof Error ? error.message : String(error)}`;
      const at = new Date();
      const signals: LegSignal[] = [
        { type: 'ended', at, reason: 'telephony_provider_unavailable', sipCode: null, by: 'system', detail },
      ];
      await this.ledger.over(reference, signals);
      this.legs.delete(reference);
      return legOf(signals);
    }
  }

  private async open(request: DialRequest, carrier: SipCarrier): Promise<CallLeg> {
    const { attemptId: reference, line } = request;
    const { recordTo, detectsAnswer: detectAnswer } = line ?? {};
    const placed = await placeCall(this.trunks, carrier, { ...request, recordTo, detectAnswer });
    const leg = new SipLeg({
      ...{ request, placed, ledger: this.ledger, log: this.log },
      uriOf: (e164) => destinationUri(e164, carrier),
      callTarget: (plan) => this.callTarget(request, carrier, plan),
    });
    this.lines.add(leg);
    void leg.over.finally(() => {
      this.lines.delete(leg);
      this.legs.delete(reference);
    });
    return leg;
  }

  /** The second call of a transfer, written down like the first before anything is sent. */
  private async callTarget(
    { attemptId: of, callId, line }: DialRequest,
    carrier: SipCarrier,
    { attempt, rings, ...plan }: TargetPlan,
  ): Promise<TransferTarget> {
    const { ledger, trunks, log } = this;
    const reference = transferReference(of, attempt);
    const by: DialledBy = { callId, organizationId: line?.organizationId ?? '', carrierId: carrier.id };
    if (!(await ledger.claim(reference, by))) throw new Error('This transfer was begun before');
    try {
      this.throwIfClosed();
      const placed = await placeCall(trunks, carrier, { ...plan, attemptId: reference });
      return new TransferTarget({ placed, to: plan.to, reference, ledger, rings, log });
    } catch (error) {
      await ledger.over(reference, []);
      throw error;
    }
  }

  /** A reference that was dialled before, by this process or another. */
  private async legWritten(reference: string): Promise<CallLeg> {
    this.legs.delete(reference);
    const leg = await this.ledger.find(reference);
    if (leg.is === 'over') return legOf(leg.signals);
    throw new Error(
      leg.is === 'never'
        ? 'This reference was asked for before it was dialled: it is refused'
        : 'This reference is dialled by another process',
    );
  }

  /** The process that carried the call is gone. Both far ends are told, so that nobody pays for silence. */
  private async endLost(reference: string, leg: AnsweredLeg): Promise<LegSignal[]> {
    const detail = 'The worker that carried the call ended';
    const signals: LegSignal[] = [
      { type: 'answered', at: leg.answeredAt },
      { type: 'ended', at: new Date(), reason: 'error_media_lost', sipCode: null, by: 'system', detail },
    ];
    const references = Array.from({ length: MOST_TRANSFERS }, (_, index) => transferReference(reference, index + 1));
    const targets = await this.ledger.takeAnswered(references);
    await this.ledger.over(reference, signals);
    for (const one of [leg, ...targets]) void this.sayGoodbye(one);
    return signals;
  }

  private async sayGoodbye({ dialog, organizationId, carrierId }: AnsweredLeg): Promise<void> {
    try {
      const found = await this.carriers.find(organizationId, carrierId);
      const carrier = found?.kind === 'sip' ? found : undefined;
      const { agent } = await this.trunks.agentFor(dialog.target.address, carrier?.verifyTls ?? true);
      await agent.byeFor(dialog, carrier?.credentials);
    } catch (error) {
      this.log.warn({ err: error, carrierId }, 'the far end of a lost call could not be told');
    }
  }
}

/** How the second call of a leg is written down, by how many were tried: whoever has the leg's name finds it. */
const transferReference = (reference: string, attempt: number): string => `${reference}-transfer-${attempt}`;

/** A leg that is over. */
const legOf = (signals: LegSignal[]): CallLeg => ({
  signals: (async function* () {
    await Promise.resolve();
    yield* signals;
  })(),
  hangup: () => Promise.resolve(),
  sendDtmf: () => Promise.resolve(),
  audio: undefined,
  transfer: () => Promise.resolve({ status: 'refused', detail: 'The call is over' }),
});
