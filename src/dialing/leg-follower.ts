import { type AudioPort } from '../lib/audio/index.js';
import { type Log, withTimeout } from '../lib/platform/index.js';
import { type CallCommand, type CallState, responsibleFor } from '../calls/index.js';
import { type CallLeg, type LegSignal } from '../telephony/index.js';
import { type VoiceSession } from '../voice/index.js';
import { hangUpLeg } from './hang-up.js';
import { legEndCommand } from './leg-end-command.js';
import { LegTimeouts, type TimeLimits } from './leg-timeouts.js';

/** Longest wait for the end of a leg after its hang-up; the end carries the quality of the line. */
const LINGER_MS = 3_000;
/** Longest wait for the transcription of the last words. */
const LAST_WORDS_MS = 10_000;

type Signal<T extends LegSignal['type']> = Extract<LegSignal, { type: T }>;

export interface LegFollowerDeps {
  callId: string;
  claim: string;
  leg: CallLeg;
  limits: TimeLimits;
  /** Executes a command of this call. @returns the state after it */
  execute: (command: CallCommand) => Promise<CallState>;
  countDeferrals: () => Promise<number>;
  saveTurn: (turn: Signal<'turn'>) => Promise<boolean>;
  /** Starts the agent on the answered line; undefined: the provider conducts the conversation. */
  startSession: ((line: AudioPort) => VoiceSession) | undefined;
  /** Resolves when all events of the session so far are stored. */
  sessionStored: () => Promise<void>;
  /** Called when the media of the leg is closed. */
  onClosed: () => void;
  log: Log;
}

/** Follows one leg to the end of its call: turns its signals into commands, and runs the agent on its line. */
export class LegFollower {
  private readonly timeouts: LegTimeouts;
  private lingering: NodeJS.Timeout | undefined;
  private isDetached = false;
  private session: VoiceSession | undefined;
  private hangingUp: Promise<void> | undefined;
  private readonly detached: Promise<void>;
  private resolveDetached: () => void = () => undefined;

  constructor(private readonly deps: LegFollowerDeps) {
    const { callId, claim, limits, execute, log } = deps;
    this.detached = new Promise((resolve) => {
      this.resolveDetached = resolve;
    });
    this.timeouts = new LegTimeouts({ callId, claim, limits, execute, log, hangUp: () => this.hangUp() });
  }

  /**
   * Resolves when the call has ended or the follower is detached.
   * @param startedAt the time of an answer that is known already, ISO 8601
   */
  async follow(startedAt?: string): Promise<void> {
    if (startedAt === undefined) this.timeouts.startRinging();
    else this.timeouts.startDuration(startedAt);
    const signals = this.deps.leg.signals[Symbol.asyncIterator]();
    try {
      while (!this.isDetached) {
        const next = await Promise.race([signals.next(), this.detached]);
        if (!next || next.done) return;
        await this.apply(next.value);
      }
    } finally {
      const wasDetached = this.isDetached;
      this.detach();
      clearTimeout(this.lingering);
      const stored = this.storeLastWords();
      // The lease lasts until the last words are stored, because the analysis waits for its end. A stop does not wait.
      if (!wasDetached) await stored;
      // Not awaited: the iterator of a provider that loses its end never returns.
      void signals.return?.().catch(() => undefined);
    }
  }

  /** Hangs up the leg of a call that has ended. */
  hangUp(): Promise<void> {
    void this.session?.stop();
    this.hangingUp ??= this.hangUpLeg().finally(() => {
      if (this.isDetached) return;
      if (!this.deps.leg.audio) {
        this.detach();
        return;
      }
      this.lingering = setTimeout(() => {
        this.detach();
      }, LINGER_MS);
    });
    return this.hangingUp;
  }

  /** Stops following without a hang-up: another worker will carry the call on. */
  detach(): void {
    this.isDetached = true;
    this.timeouts.stop();
    this.resolveDetached();
  }

  /** Detaches from a call that another worker has taken over. That worker cannot carry on audio of this process. */
  async handOver(): Promise<void> {
    this.detach();
    void this.session?.stop();
    if (this.deps.leg.audio) await this.hangUpLeg();
  }

  private hangUpLeg(): Promise<void> {
    const { leg, callId, log } = this.deps;
    return hangUpLeg(leg, callId, log);
  }

  private async storeLastWords(): Promise<void> {
    const stored = Promise.resolve(this.session?.stop()).then(() => this.deps.sessionStored());
    await withTimeout(LAST_WORDS_MS, 'storing the last words', stored).catch((error: unknown) => {
      this.deps.log.warn({ err: error, callId: this.deps.callId }, 'the last words of a conversation are not stored');
    });
  }

  private async apply(signal: LegSignal): Promise<void> {
    const { claim, execute, saveTurn } = this.deps;
    const at = signal.at.toISOString();
    switch (signal.type) {
      case 'ringing':
        return this.settle(await execute({ type: 'ReportRinging', at, claim }));
      case 'answered':
        return this.applyAnswer(at);
      case 'answered_by':
        return this.applyAnsweredBy(signal);
      case 'beep':
        await execute({ type: 'ReportAnsweredBy', at, claim, answeredBy: { by: 'machine', reason: 'beep' } });
        this.inSession((session) => session.beepDetected());
        return;
      case 'greeting_over':
        this.inSession((session) => session.silenceDetected());
        return;
      case 'dtmf':
        this.session?.dtmf(signal.digit);
        return;
      case 'turn':
        await saveTurn(signal);
        return;
      case 'transferred': {
        const { to, mode } = signal;
        await execute({ type: 'ReportTransfer', at, claim, transfer: { to, mode } });
        return;
      }
      case 'ended':
        return this.applyEnd(signal);
      case 'early':
        return;
    }
  }

  private async applyAnswer(at: string): Promise<void> {
    const state = await this.deps.execute({ type: 'ReportAnswer', at, claim: this.deps.claim });
    if (state.status === 'connected') {
      this.timeouts.startDuration(state.startedAt);
      this.startSession();
    }
    return this.settle(state);
  }

  private async applyAnsweredBy({ at, by, reason }: Signal<'answered_by'>): Promise<void> {
    const { claim, execute } = this.deps;
    await execute({ type: 'ReportAnsweredBy', at: at.toISOString(), claim, answeredBy: { by, reason } });
    if (by === 'machine') this.inSession((session) => session.machineDetected());
  }

  private async applyEnd(signal: Signal<'ended'>): Promise<void> {
    const { claim, execute, countDeferrals, onClosed } = this.deps;
    const { answeredAt, quality } = signal;
    if (answeredAt) await execute({ type: 'ReportAnswer', at: answeredAt.toISOString(), claim });
    const deferrals = signal.reason === 'capacity' ? await countDeferrals() : 0;
    const state = await execute(legEndCommand(signal, claim, deferrals));
    if (quality) await execute({ type: 'ReportQuality', at: signal.at.toISOString(), quality });
    onClosed();
    return this.settle(state);
  }

  private startSession(): void {
    const { leg, startSession, callId, log } = this.deps;
    if (this.session || !leg.audio) return;
    this.session = startSession?.(leg.audio);
    this.session?.ended
      .then((end) => this.endByAgent(end))
      .catch((error: unknown) => {
        log.error({ err: error, callId }, 'a call could not be ended for its agent; hanging up');
        void this.hangUp();
      });
  }

  private async endByAgent({ reason, detail }: Awaited<VoiceSession['ended']>): Promise<void> {
    const { claim, execute, sessionStored } = this.deps;
    // The end of the call follows all other events of the session.
    await sessionStored();
    const outcome = { sipCode: null, detail, ...responsibleFor(reason) };
    await execute({
      type: 'EndCall',
      at: new Date().toISOString(),
      claim,
      disconnectionReason: reason,
      outcome,
    });
    await this.hangUp();
  }

  /** Passes a detection to the session. Not awaited: the reaction may speak, and further signals count meanwhile. */
  private inSession(react: (session: VoiceSession) => Promise<void>): void {
    if (!this.session) return;
    react(this.session).catch((error: unknown) => {
      const { log, callId } = this.deps;
      log.error({ err: error, callId }, 'answering-machine signal could not be passed to the conversation');
    });
  }

  /** Stops following when the call has ended or has another attempt. */
  private async settle(state: CallState): Promise<void> {
    if (state.status === 'ended') await this.hangUp();
    else if (!('claim' in state) || state.claim !== this.deps.claim) this.detach();
  }
}
