import { Injectable } from '@nestjs/common';
import { type CallFacts } from '../calls/index.js';
import { DailyUse, DiallingPolicyService } from '../compliance/index.js';
import { type Config } from '../config/config.js';
import { InjectConfig } from '../config/inject-config.js';
import { KnowledgeSearch } from '../knowledge/index.js';
import { type AudioPort } from '../lib/audio/index.js';
import { Log, OutboundHttp } from '../lib/platform/index.js';
import { RecordingFinisher } from '../recordings/index.js';
import { type CallLeg, SimulatorProvider } from '../telephony/index.js';
import { type ConversationEvent, type VoiceSession } from '../voice/index.js';
import { type ConversationRecorder } from './conversation-recorder.js';
import { CallPreparation, type PreparationResult, simulatorLine } from './preparation/call-preparation.js';
import { type SessionPlan } from './session-plan.js';
import { startSession } from './start-session.js';

/** Prepares calls, starts agents on open legs and finishes their recordings. */
@Injectable()
export class Sessions {
  constructor(
    private readonly preparation: CallPreparation,
    private readonly recordings: RecordingFinisher,
    private readonly knowledge: KnowledgeSearch,
    private readonly http: OutboundHttp,
    private readonly policy: DiallingPolicyService,
    private readonly dailyUse: DailyUse,
    private readonly simulator: SimulatorProvider,
    private readonly log: Log,
    @InjectConfig() private readonly config: Config,
  ) {}

  /** A simulator without audio needs no plan of the agent. @throws Error as `CallPreparation.prepare` */
  async prepare(callId: string, facts: CallFacts, signal?: AbortSignal): Promise<PreparationResult> {
    if (facts.environment === 'test' && !this.simulator.hasAudio)
      return { status: 'ready', line: simulatorLine(facts) };
    return this.preparation.prepare(callId, facts, signal);
  }

  /** Starts the agent on an answered leg. */
  start(plan: SessionPlan, line: AudioPort, leg: CallLeg, recorder: ConversationRecorder): VoiceSession {
    const isTest = plan.facts.environment === 'test';
    const speed = isTest ? this.config.simulatorSpeed : 1;
    const emit = (event: ConversationEvent): void => {
      recorder.record(inRealTime(event, speed));
    };
    return startSession(plan, line, leg, emit, {
      http: this.http,
      maxDurationMs: this.config.maxCallDurationMs,
      knowledge: {
        search: (...query) => this.withPublicError(this.knowledge.search(...query), 'The search'),
      },
      refusal: (organizationId, to) =>
        isTest
          ? Promise.resolve(undefined)
          : this.withPublicError(this.transferRefusal(organizationId, to), 'The dialling policy'),
      ...(isTest && { clock: this.simulator.clock }),
    });
  }

  /** Finishes the recording of an attempt after its media is closed. */
  async finishRecording(callId: string, attemptId: string): Promise<void> {
    await this.recordings.finishSoon(callId, attemptId);
  }

  /** Why the dialling policy refuses the target of a transfer; undefined when it allows it. */
  private async transferRefusal(organizationId: string, to: string): Promise<string | undefined> {
    const counts = { callsToNumberToday: 0, spentToday: await this.dailyUse.spent(organizationId) };
    const { allowed, detail } = await this.policy.check(organizationId, to, new Date(), counts);
    return allowed ? undefined : detail;
  }

  /** Replaces an error by one that the model and the timeline may show. */
  private async withPublicError<T>(work: Promise<T>, what: string): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.log.error({ err: error }, `${what} failed in a conversation`);
      throw new Error(`${what} does not work at the moment`);
    }
  }
}

/** Converts the milliseconds of a simulated leg that runs faster than real time. */
function inRealTime(event: ConversationEvent, speed: number): ConversationEvent {
  if (event.type !== 'turn' || speed === 1) return event;
  const { startMs, endMs } = event.turn;
  return { ...event, turn: { ...event.turn, startMs: startMs / speed, endMs: endMs / speed } };
}
