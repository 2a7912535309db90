import { Inject, Injectable } from '@nestjs/common';
import { Database, Log, Notifications } from '../lib/platform/index.js';
import { type CallCommand, CallCommands, countDeferrals, saveTurn, saveUsage } from '../calls/index.js';
import { ConversationRecorder, type SessionPlan, Sessions } from '../sessions/index.js';
import { type CallLeg } from '../telephony/index.js';
import { DIALING_CAUSE } from './dialing-cause.js';
import { DIALING_OPTIONS } from './dialing-options.js';
import { LegFollower } from './leg-follower.js';
import { type TimeLimits } from './leg-timeouts.js';

/** Creates the followers of legs. */
@Injectable()
export class LegFollowerFactory {
  constructor(
    private readonly database: Database,
    private readonly calls: CallCommands,
    @Inject(Sessions) private readonly sessions: Pick<Sessions, 'start' | 'finishRecording'>,
    private readonly notifications: Notifications,
    private readonly log: Log,
    @Inject(DIALING_OPTIONS) private readonly options: TimeLimits,
  ) {}

  /** @param plan the plan of the agent; without it no agent speaks on the leg */
  create(callId: string, claim: string, leg: CallLeg, plan?: SessionPlan): LegFollower {
    const { database, calls, sessions, notifications, log } = this;
    const execute = async (command: CallCommand) => (await calls.execute(callId, command, DIALING_CAUSE)).state;
    const recorder = new ConversationRecorder(claim, {
      saveTurn: (turn) => saveTurn(database, callId, turn, notifications),
      saveUsage: (usage) => saveUsage(database, callId, usage),
      execute,
      log,
    });
    return new LegFollower({
      callId,
      claim,
      leg,
      limits: this.limitsOf(plan),
      execute,
      countDeferrals: () => countDeferrals(database, callId),
      saveTurn: (turn) => saveTurn(database, callId, turn, notifications),
      startSession: plan && ((line) => sessions.start(plan, line, leg, recorder)),
      sessionStored: () => recorder.idle(),
      // Not awaited: an upload takes its time, and a periodic task finishes what it leaves undone.
      onClosed: () => void sessions.finishRecording(callId, claim),
      log,
    });
  }

  /** An agent may shorten the maximum duration of the settings, not extend it. */
  limitsOf(plan: SessionPlan | undefined): TimeLimits {
    const { ringTimeoutMs, maxDurationMs } = this.options;
    return { ringTimeoutMs, maxDurationMs: Math.min(maxDurationMs, plan?.maxDurationMs ?? maxDurationMs) };
  }
}
