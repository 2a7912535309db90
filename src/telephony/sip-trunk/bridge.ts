import { type Log, withTimeout } from '../../lib/platform/index.js';
import { type MediaSession } from '../../lib/media/index.js';
import { type SipEnd } from './sip-reasons.js';
import { type TransferOptions, type TransferResult } from '../provider.js';
import { refusalOf } from './transfer-refusal.js';
import { type TransferTarget } from './transfer-target.js';

/** How often somebody may be called in one call: a model that tries again and again costs money. */
export const MOST_TRANSFERS = 5;
/** How long after its time a call that nobody answers may take to be cancelled. */
const CANCEL_MS = 2_000;
/** How long the end of a call may wait for the other one to be confirmed: less than a process waits for its calls. */
const GOODBYE_MS = 2_000;

export const GIVEN_UP = refusalOf({ reason: 'agent_hangup', detail: null });

/** What is asked of whoever makes the second call. */
export interface TargetPlan {
  /** From 1: how often somebody was called in this call. */
  attempt: number;
  to: string;
  from: string;
  ringTimeoutMs: number;
  signal: AbortSignal;
  rings: () => void;
}

export interface BridgeDeps {
  callId: string;
  /** Of the customer. */
  media: MediaSession;
  /** Calls whoever the customer is to talk with. @throws Error when nothing was sent */
  callTarget: (plan: TargetPlan) => Promise<TransferTarget>;
  /** They talk with each other. */
  connected: (to: string) => void;
  /** They have talked: the customer's call is to end. */
  over: (end: SipEnd) => void;
  log: Log;
}

/** Calls somebody else while the customer waits, and connects the two. One transfer at a time. */
export class Bridge {
  private attempts = 0;
  private readonly stopping = new AbortController();
  private target: TransferTarget | undefined;
  private connecting: Promise<unknown> = Promise.resolve();
  /** With whom the customer talks, E.164. */
  connectedTo: string | undefined;

  constructor(private readonly parts: BridgeDeps) {}

  async connect(to: string, options: Omit<TransferOptions, 'mode'>): Promise<TransferResult> {
    if (this.attempts === MOST_TRANSFERS)
      return refused(`No more than ${MOST_TRANSFERS} transfers can be tried in one call`);
    this.attempts++;
    const signal = AbortSignal.any([this.stopping.signal, ...(options.signal ? [options.signal] : [])]);
    const connecting = this.ring(to, options, signal);
    this.connecting = connecting;
    return connecting.finally(() => {
      this.parts.media.ring(false);
    });
  }

  /** The customer is gone: nobody is to ring, or to wait on the line, for them. Resolves when that is so. */
  async stop(): Promise<void> {
    this.stopping.abort();
    const gone = this.connecting.then(() => Promise.all([this.target?.hangup(), this.target?.over]));
    // A far end that does not confirm is left: its call is over for us.
    await withTimeout(GOODBYE_MS, 'ending a transfer', gone).catch(() => undefined);
  }

  private async ring(to: string, options: Omit<TransferOptions, 'mode'>, signal: AbortSignal): Promise<TransferResult> {
    const { callId, media, callTarget, connected, over, log } = this.parts;
    const { from, ringTimeoutMs } = options;
    const rings = (): void => {
      media.ring(true);
    };
    let target: TransferTarget;
    try {
      target = await callTarget({ attempt: this.attempts, to, from, ringTimeoutMs, signal, rings });
    } catch (error) {
      if (!signal.aborted) log.error({ err: error, callId }, 'the call of a transfer could not be begun');
      return refused('The call could not be begun');
    }
    this.target = target;
    const problem = await answerOf(target, signal, ringTimeoutMs + CANCEL_MS);
    if (problem !== undefined) {
      await withTimeout(GOODBYE_MS, 'ending a transfer', Promise.all([target.hangup(), target.over])).catch(
        () => undefined,
      );
      return refused(problem);
    }
    media.bridge(target.media);
    this.connectedTo = to;
    connected(to);
    // Not when all of it is written down: nobody is to hear silence because a database is slow.
    void target.ended.then((end) => {
      if (end) over(end);
    });
    return { status: 'connected' };
  }
}

/** @returns why nobody can be talked with there */
async function answerOf(target: TransferTarget, signal: AbortSignal, limitMs: number): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const without = new Promise<string>((resolve) => {
    const giveUp = (): void => {
      resolve(GIVEN_UP);
    };
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
    timer = setTimeout(() => {
      resolve(refusalOf({ reason: 'dial_no_answer', detail: null }));
    }, limitMs);
  });
  const problem = await Promise.race([target.answer, without]);
  clearTimeout(timer);
  return signal.aborted ? (problem ?? GIVEN_UP) : problem;
}

export const refused = (detail: string): TransferResult => ({ status: 'refused', detail });
