import { type Log, withTimeout } from '../../lib/platform/index.js';
import { type MediaSession } from '../../lib/media/index.js';
import { type TransferOptions, type TransferResult } from '../provider.js';
import { type SipEnd } from './sip-reasons.js';
import { refusalOf } from './transfer-refusal.js';
import { type TransferTarget } from './transfer-target.js';

/** Limits the costs of a model that tries again and again. */
export const MAX_TRANSFERS = 5;
/** Time for the CANCEL of an unanswered call to take effect, after its ring timeout. */
const CANCEL_MS = 2_000;
/** Longest wait for the target's hang-up before the leg ends: shorter than the wait of a process for its legs. */
const GOODBYE_MS = 2_000;

export const TRANSFER_CANCELLED = refusalOf({ reason: 'agent_hangup', detail: null });

/** A call to the target of a transfer. */
export interface TargetCallRequest {
  /** The number of the call within the customer's leg, from 1. */
  transfer: number;
  /** E.164. */
  to: string;
  from: string;
  ringTimeoutMs: number;
  signal: AbortSignal;
  onRinging: () => void;
}

export interface BridgeDeps {
  callId: string;
  /** Of the customer. */
  media: MediaSession;
  /** @throws Error when nothing was sent */
  callTarget: (request: TargetCallRequest) => Promise<TransferTarget>;
  onConnected: (to: string) => void;
  /** Called when the target's call ends after the connection: the customer's leg must end. */
  onEnd: (end: SipEnd) => void;
  log: Log;
}

/** Calls the target of a transfer while the customer waits, and connects both. One transfer at a time. */
export class Bridge {
  private transfers = 0;
  private readonly stopping = new AbortController();
  private target: TransferTarget | undefined;
  private connecting: Promise<unknown> = Promise.resolve();
  /** The target that the customer talks with, E.164. */
  connectedTo: string | undefined;

  constructor(private readonly deps: BridgeDeps) {}

  async connect(to: string, options: Omit<TransferOptions, 'mode'>): Promise<TransferResult> {
    if (this.transfers === MAX_TRANSFERS)
      return refused(`No more than ${MAX_TRANSFERS} transfers can be tried in one call`);
    this.transfers++;
    const signal = AbortSignal.any([this.stopping.signal, ...(options.signal ? [options.signal] : [])]);
    const connecting = this.callAndConnect(to, options, signal);
    this.connecting = connecting;
    return connecting.finally(() => {
      this.deps.media.ring(false);
    });
  }

  /** Ends the target's call, ringing or connected, after the customer's has ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    const closed = this.connecting.then(() => Promise.all([this.target?.hangup(), this.target?.closed]));
    // A far end that does not confirm does not delay the end of the leg.
    await withTimeout(GOODBYE_MS, 'ending a transfer', closed).catch(() => undefined);
  }

  private async callAndConnect(
    to: string,
    { from, ringTimeoutMs }: Omit<TransferOptions, 'mode'>,
    signal: AbortSignal,
  ): Promise<TransferResult> {
    const { callId, media, callTarget, onConnected, onEnd, log } = this.deps;
    const onRinging = (): void => {
      media.ring(true);
    };
    let target: TransferTarget;
    try {
      target = await callTarget({ transfer: this.transfers, to, from, ringTimeoutMs, signal, onRinging });
    } catch (error) {
      if (!signal.aborted) log.error({ err: error, callId }, 'the call to a transfer target could not be placed');
      return refused('The call could not be begun');
    }
    this.target = target;
    const problem = await answerOf(target, signal, ringTimeoutMs + CANCEL_MS);
    if (problem !== undefined) {
      const closed = Promise.all([target.hangup(), target.closed]);
      await withTimeout(GOODBYE_MS, 'ending a transfer', closed).catch(() => undefined);
      return refused(problem);
    }
    media.bridge(target.media);
    this.connectedTo = to;
    onConnected(to);
    // Does not wait for `closed`: the customer must not hear silence while a slow database records the end.
    void target.ended.then((end) => {
      if (end) onEnd(end);
    });
    return { status: 'connected' };
  }
}

/** @returns undefined when the target answers, else the reason in words */
async function answerOf(target: TransferTarget, signal: AbortSignal, limitMs: number): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const noAnswer = new Promise<string>((resolve) => {
    const cancel = (): void => {
      resolve(TRANSFER_CANCELLED);
    };
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
    timer = setTimeout(() => {
      resolve(refusalOf({ reason: 'dial_no_answer', detail: null }));
    }, limitMs);
  });
  const problem = await Promise.race([target.answer, noAnswer]);
  clearTimeout(timer);
  return signal.aborted ? (problem ?? TRANSFER_CANCELLED) : problem;
}

export const refused = (detail: string): TransferResult => ({ status: 'refused', detail });
