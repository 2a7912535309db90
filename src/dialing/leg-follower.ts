import { setTimeout as delay } from 'node:timers/promises';
import { type AudioPort } from '../lib/audio/index.js';
import { type CallLeg, type LegEnd, type LegSignal } from '../telephony/index.js';
import { type Log, withTimeout } from '../lib/platform/index.js';
import { type VoiceSession } from '../voice/index.js';
import { type CallCommand, type CallState, responsibleFor } from '../calls/index.js';
import { endOf } from './leg-end-command.js';

/** How long after the time that a provider was told to keep itself, until we keep it for it. */
const GRACE_MS = 2_000;
const HANG_UP_ATTEMPTS = 3;
const HANG_UP_MS = 3_000;
const RETRY_MS = 1_000;
/** How long a line that was hung up may take to tell its end, and with it how good it was. */
const LINGER_MS = 3_000;
/** How long the customer's last words may take to be understood. */
const LAST_WORDS_MS = 10_000;

export interface LegFollowerDeps {
  /** Makes a command true of this call. Returns the state that the call has afterwards. */
  execute: (command: CallCommand) => Promise<CallState>;
  /** How often the call was sent back to the line. */
  countDeferrals: () => Promise<number>;
  saveTurn: (turn: Extract<LegSignal, { type: 'turn' }>) => Promise<boolean>;
  /** Begins to speak on a line that was answered. */
  converse: ((line: AudioPort) => VoiceSession) | undefined;
  /** Resolves when all that the conversation has told so far is stored. */
  kept: () => Promise<void>;
  /** The line is closed: what it recorded can be kept. */
  closed: () => void;
  log: Log;
}

export interface LegLimits {
  ringTimeoutMs: number;
  maxDurationMs: number;
}

/**
 * Carries one leg to the end of its call: what the provider signals becomes commands. Limits are kept here too, since a
 * provider may forget them or never tell the end.
 */
export class LegFollower {
  private timer: NodeJS.Timeout | undefined;
  private lingering: NodeJS.Timeout | undefined;
  private abandoned = false;
  private conversation: VoiceSession | undefined;
  private hangingUp: Promise<void> | undefined;
  private readonly released: Promise<void>;
  private release: () => void = () => undefined;

  constructor(
    readonly callId: string,
    private readonly claim: string,
    private readonly leg: CallLeg,
    private readonly limits: LegLimits,
    private readonly deps: LegFollowerDeps,
  ) {
    this.released = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  /**
   * Resolves when the call has ended or was abandoned.
   * @param startedAt when it was answered, if it is known to be, ISO 8601
   */
  async follow(startedAt?: string): Promise<void> {
    if (startedAt === undefined) this.limitRinging();
    else this.limitDuration(startedAt);
    const signals = this.leg.signals[Symbol.asyncIterator]();
    try {
      while (!this.abandoned) {
        const next = await Promise.race([signals.next(), this.released]);
        if (!next || next.done) return;
        await this.apply(next.value);
      }
    } finally {
      const isAbandoned = this.abandoned;
      this.abandon();
      clearTimeout(this.timer);
      clearTimeout(this.lingering);
      const lastWords = this.lastWords();
      // The call is in hand until its last words are kept: whoever sums it up waits for them. Who stops has no time.
      if (!isAbandoned) await lastWords;
      // Not awaited: a provider that never tells the end would never let go of the iterator.
      void signals.return?.().catch(() => undefined);
    }
  }

  /** The call has ended elsewhere, by command or by another worker's hand: the phone must not go on ringing. */
  hangUp(): Promise<void> {
    void this.conversation?.stop();
    this.hangingUp ??= this.tryToHangUp().finally(() => {
      if (this.abandoned) return;
      if (!this.leg.audio) {
        this.abandon();
        return;
      }
      this.lingering = setTimeout(() => {
        this.abandon();
      }, LINGER_MS);
    });
    return this.hangingUp;
  }

  private async lastWords(): Promise<void> {
    const told = Promise.resolve(this.conversation?.stop()).then(() => this.deps.kept());
    await withTimeout(LAST_WORDS_MS, 'the last words', told).catch((error: unknown) => {
      this.deps.log.warn({ err: error, callId: this.callId }, 'the last words of a conversation are not kept');
    });
  }

  /** Another worker carries the call on. */
  abandon(): void {
    this.abandoned = true;
    this.release();
  }

  /** Another worker has the call. A line that lives in this process ends with our part of it. */
  async letGo(): Promise<void> {
    this.abandon();
    void this.conversation?.stop();
    if (this.leg.audio) await this.tryToHangUp();
  }

  private async tryToHangUp(): Promise<void> {
    const { callId } = this;
    for (let attempt = 1; attempt <= HANG_UP_ATTEMPTS; attempt++) {
      try {
        await withTimeout(HANG_UP_MS, 'hanging up', this.leg.hangup());
        return;
      } catch (error) {
        this.deps.log.error({ err: error, callId, attempt }, 'a call that is over could not be hung up');
      }
      if (attempt < HANG_UP_ATTEMPTS) await delay(RETRY_MS);
    }
  }

  private async apply(signal: LegSignal): Promise<void> {
    const at = signal.at.toISOString();
    const { claim } = this;
    switch (signal.type) {
      case 'ringing':
        return this.settle(await this.deps.execute({ type: 'ReportRinging', at, claim }));
      case 'answered': {
        const state = await this.deps.execute({ type: 'ReportAnswer', at, claim });
        if (state.status === 'connected') {
          this.limitDuration(state.startedAt);
          this.converse();
        }
        return this.settle(state);
      }
      case 'answered_by': {
        const { by, reason } = signal;
        await this.deps.execute({ type: 'ReportAnsweredBy', at, claim, answeredBy: { by, reason } });
        if (by === 'machine') this.inConversation((conversation) => conversation.machineDetected());
        return;
      }
      case 'beep': {
        await this.deps.execute({ type: 'ReportAnsweredBy', at, claim, answeredBy: { by: 'machine', reason: 'beep' } });
        this.inConversation((conversation) => conversation.beepDetected());
        return;
      }
      case 'transferred': {
        const { to, mode } = signal;
        await this.deps.execute({ type: 'ReportTransfer', at, claim, transfer: { to, mode } });
        return;
      }
      case 'greeting_over': {
        this.inConversation((conversation) => conversation.silenceDetected());
        return;
      }
      case 'turn':
        await this.deps.saveTurn(signal);
        return;
      case 'ended': {
        if (signal.answeredAt)
          await this.deps.execute({ type: 'ReportAnswer', at: signal.answeredAt.toISOString(), claim });
        const deferrals = signal.reason === 'capacity' ? await this.deps.countDeferrals() : 0;
        const state = await this.deps.execute(endOf(signal, claim, deferrals));
        if (signal.quality) await this.deps.execute({ type: 'ReportQuality', at, quality: signal.quality });
        this.deps.closed();
        return this.settle(state);
      }
      case 'dtmf':
        this.conversation?.dtmf(signal.digit);
        return;
      case 'early':
        return;
    }
  }

  private converse(): void {
    if (this.conversation || !this.leg.audio) return;
    const conversation = this.deps.converse?.(this.leg.audio);
    this.conversation = conversation;
    conversation?.ended
      .then(async ({ reason, detail }) => {
        const outcome = { sipCode: null, detail, ...responsibleFor(reason) };
        // The end is the last thing that is told of a conversation.
        await this.deps.kept();
        const at = new Date().toISOString();
        await this.deps.execute({ type: 'EndCall', at, claim: this.claim, disconnectionReason: reason, outcome });
        await this.hangUp();
      })
      .catch((error: unknown) => {
        this.deps.log.error({ err: error, callId: this.callId }, 'a call that has said all could not be ended');
        void this.hangUp();
      });
  }

  /** Not awaited: what is said takes its time, and what happens on the line meanwhile counts. */
  private inConversation(act: (conversation: VoiceSession) => Promise<void>): void {
    if (!this.conversation) return;
    act(this.conversation).catch((error: unknown) => {
      this.deps.log.error({ err: error, callId: this.callId }, 'the conversation does not know what was heard');
    });
  }

  /** Once the call is over, or no longer about this attempt, there is nothing left to follow. */
  private async settle(state: CallState): Promise<void> {
    if (state.status === 'ended') await this.hangUp();
    else if (!('claim' in state) || state.claim !== this.claim) this.abandon();
  }

  private limitRinging(): void {
    this.after(this.limits.ringTimeoutMs, async () => {
      const { retryable } = responsibleFor('dial_no_answer');
      const state = await this.deps.execute({
        type: 'EndCall',
        at: new Date().toISOString(),
        claim: this.claim,
        unanswered: true,
        disconnectionReason: 'dial_no_answer',
        outcome: { sipCode: 408, responsible: 'system', retryable, detail: null },
      });
      // It may have been answered by a report that did not come over this leg.
      if (state.status === 'connected') this.limitDuration(state.startedAt);
      else await this.hangUp();
    });
  }

  private limitDuration(startedAt: string): void {
    this.after(Date.parse(startedAt) + this.limits.maxDurationMs - Date.now(), () =>
      this.end({ reason: 'max_duration_reached', sipCode: null, by: 'system', detail: null }),
    );
  }

  private async end(end: LegEnd): Promise<void> {
    await this.deps.execute(endOf({ ...end, at: new Date() }, this.claim));
    await this.hangUp();
  }

  /** Ends the call a while after the moment that the provider was to end it. Tried until it succeeds. */
  private after(ms: number, work: () => Promise<void>): void {
    clearTimeout(this.timer);
    if (this.abandoned) return;
    this.timer = setTimeout(
      () => {
        work().catch((error: unknown) => {
          this.deps.log.error({ err: error, callId: this.callId }, 'a call over its limit could not be ended yet');
          this.after(0, work);
        });
      },
      // Never at once: a story that is told late may have its end in it.
      Math.max(0, ms) + GRACE_MS,
    );
  }
}
