import { type Log } from '../lib/platform/index.js';
import { type CallCommand, type CallState, responsibleFor } from '../calls/index.js';
import { legEndCommand } from './leg-end-command.js';

/** The provider applies the limits too. It gets so much longer, because late signals may contain its end. */
const GRACE_MS = 2_000;

export interface TimeLimits {
  ringTimeoutMs: number;
  maxDurationMs: number;
}

export interface LegTimeoutsDeps {
  callId: string;
  claim: string;
  limits: TimeLimits;
  execute: (command: CallCommand) => Promise<CallState>;
  hangUp: () => Promise<void>;
  log: Log;
}

/** The ring timeout and the maximum duration of a leg, for a provider that does not apply them or loses its end. */
export class LegTimeouts {
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(private readonly deps: LegTimeoutsDeps) {}

  /** Starts the ring timeout. */
  startRinging(): void {
    this.schedule(this.deps.limits.ringTimeoutMs, () => this.endRinging());
  }

  /** Replaces the ring timeout by the maximum duration. @param startedAt the time of the answer, ISO 8601 */
  startDuration(startedAt: string): void {
    const endsAt = Date.parse(startedAt) + this.deps.limits.maxDurationMs;
    this.schedule(endsAt - Date.now(), () => this.endConnected());
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private async endRinging(): Promise<void> {
    const { claim, execute, hangUp } = this.deps;
    const state = await execute({
      type: 'EndCall',
      at: new Date().toISOString(),
      claim,
      unanswered: true,
      disconnectionReason: 'dial_no_answer',
      outcome: {
        sipCode: 408,
        responsible: 'system',
        retryable: responsibleFor('dial_no_answer').retryable,
        detail: null,
      },
    });
    // An external event may have reported the answer.
    if (state.status === 'connected') this.startDuration(state.startedAt);
    else await hangUp();
  }

  private async endConnected(): Promise<void> {
    const { claim, execute, hangUp } = this.deps;
    const end = { reason: 'max_duration_reached', sipCode: null, by: 'system', detail: null } as const;
    await execute(legEndCommand({ ...end, at: new Date() }, claim));
    await hangUp();
  }

  /** Runs the end after its limit and GRACE_MS; repeats it until it succeeds. */
  private schedule(ms: number, end: () => Promise<void>): void {
    clearTimeout(this.timer);
    if (this.isStopped) return;
    this.timer = setTimeout(
      () => {
        end().catch((error: unknown) => {
          const { log, callId } = this.deps;
          log.error({ err: error, callId }, 'a call over its time limit could not be ended; trying again');
          this.schedule(0, end);
        });
      },
      Math.max(0, ms) + GRACE_MS,
    );
  }
}
