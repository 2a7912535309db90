import { type AudioPort, FRAME_MS } from '../../lib/audio/index.js';
import { SerialQueue } from '../../lib/platform/index.js';
import { CancellationScope } from '../cancellation-scope.js';
import { systemClock } from '../clock.js';
import { type ConversationEnd, type ConversationEvent, type Turn } from '../conversation-events.js';
import { type ConversationSettings, conversationSettings } from '../conversation-settings.js';
import { type Pipeline } from '../pipeline/pipeline.js';
import { StageFailed } from '../pipeline/provider-chain.js';
import { ChatHistory } from '../turn/chat-history.js';
import { Playback } from '../turn/playback.js';
import { AgentSpeech } from './agent-speech.js';
import { CallClock } from './call-clock.js';
import { type ConversationDeps } from './conversation-deps.js';
import { limitDuration } from './duration-limit.js';
import { type InactivityStep, InactivityTimer } from './inactivity-timer.js';
import { SpeechQueue } from './speech-queue.js';
import { UserTurns } from './user-turns.js';

/** The conversation on an answered line. It owns all that it starts, until it ends or is stopped. */
export class Conversation {
  /**
   * Resolves with the reason to hang up; never when the conversation was stopped before. Rejects when it broke by an
   * error that is not of a provider.
   */
  readonly ended: Promise<ConversationEnd>;
  /** The customer is connected to another party. */
  handedOver = false;
  private resolveEnded: (end: ConversationEnd) => void = () => undefined;
  private rejectEnded: (error: unknown) => void = () => undefined;
  private readonly scope: CancellationScope;
  /** Scope of recognition, which is closed before the rest. */
  private readonly recognitionScope: CancellationScope;
  private readonly settings: ConversationSettings;
  private readonly clock: CallClock;
  private readonly pipeline: Pipeline;
  private readonly queue: SpeechQueue;
  private readonly inactivity: InactivityTimer;
  private readonly agent: AgentSpeech;
  private readonly user: UserTurns;
  /** The failure message has begun. */
  private hasFailed = false;
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly line: AudioPort,
    private readonly deps: ConversationDeps,
  ) {
    this.scope = new CancellationScope(deps.clock ?? systemClock);
    this.recognitionScope = this.scope.child();
    this.settings = conversationSettings(deps.settings);
    this.clock = new CallClock(this.scope.clock);
    const history = new ChatHistory(this.settings.instructions);
    this.pipeline = this.connect(history);
    this.queue = new SpeechQueue(this.pipeline.reply);
    this.inactivity = new InactivityTimer(this.recognitionScope, this.settings.silence, (step) => {
      this.onInactive(step);
    });
    const tasks = new SerialQueue((error) => {
      if (!this.scope.closed) this.break(error);
    });
    this.agent = this.agentSpeech(tasks);
    const { settings, pipeline, queue, inactivity, agent, recognitionScope: scope } = this;
    const { now } = this.clock;
    const record = this.record;
    const failed = this.fail;
    this.user = new UserTurns({
      scope,
      settings,
      history,
      pipeline,
      agent,
      queue,
      inactivity,
      tasks,
      now,
      record,
      failed,
    });
    this.ended = new Promise((resolve, reject) => {
      this.resolveEnded = resolve;
      this.rejectEnded = reject;
    });
  }

  start(): void {
    const { settings, clock, queue, pipeline } = this;
    this.stopListening = this.line.listen((frame, atMs) => {
      clock.frameEnded(atMs + FRAME_MS);
      this.user.push(frame, atMs);
    });
    limitDuration(this.scope, settings, {
      warn: (phrase) => {
        queue.addAside({ source: pipeline.say(phrase), interruptible: false });
        this.agent.settle();
      },
      reached: () => {
        this.record(this.agent.detach());
        this.end({ reason: 'max_duration_reached', detail: null });
      },
    });
    pipeline.prepare().catch((error: unknown) => {
      if (!this.scope.closed) this.break(error);
    });
    this.queueOpenings();
    this.agent.settle();
  }

  /** The customer has pressed a key. */
  dtmf(key: string): void {
    this.user.press(key);
  }

  /**
   * The customer has hung up. Resolves when the last words of both are recorded: within the time limits of
   * transcription. `stop` does not wait for them.
   */
  async hangUp(): Promise<void> {
    if (this.scope.closed) return;
    this.stopListening();
    this.inactivity.stop();
    this.agent.mute();
    await this.user.finish();
    this.close();
  }

  /** Ends the conversation at once. The played part of the agent's last words is still recorded. */
  stop(): void {
    this.detach(true);
  }

  private connect(history: ChatHistory): Pipeline {
    const { scope, recognitionScope, settings, clock, deps, emit } = this;
    return deps.pipeline({
      scope,
      recognitionScope,
      settings,
      history,
      tools: deps.tools ?? [],
      now: clock.now,
      emit,
      control: {
        isEnding: () => this.agent.ending !== undefined || scope.closed,
        endAfter: (turn, end) => {
          this.agent.endAfter(turn, end);
        },
        handOver: () => {
          if (!scope.closed) this.handedOver = true;
          this.detach(false);
        },
      },
    });
  }

  private queueOpenings(): void {
    const { queue, pipeline } = this;
    const { notice, firstSpeaker, firstMessage } = this.settings;
    if (notice) queue.addOpening({ source: pipeline.say(notice), interruptible: false });
    if (firstSpeaker === 'customer') return;
    const source = firstMessage ? pipeline.say(firstMessage) : pipeline.reply;
    queue.addOpening({ source, interruptible: true, repeatable: firstMessage !== undefined });
  }

  private agentSpeech(tasks: SerialQueue): AgentSpeech {
    const { scope, line, pipeline, queue, inactivity, settings, clock } = this;
    const playback = new Playback(line, scope.clock, this.break);
    return new AgentSpeech({
      scope,
      output: { scope, playback, now: clock.now, synthesize: pipeline.synthesize },
      queue,
      inactivity,
      tasks,
      interruptible: settings.interruptible,
      isCustomerBusy: () => this.user.busy,
      record: this.record,
      turnEnded: (turn) => {
        pipeline.turnEnded(turn);
      },
      turnDone: this.turnDone,
    });
  }

  private readonly turnDone = (error: unknown): void => {
    const { ending } = this.agent;
    if (error !== undefined) this.fail(error);
    else if (ending) this.end(ending);
    else this.agent.settle();
  };

  private onInactive({ last, phrase }: InactivityStep): void {
    const { agent, pipeline } = this;
    if (last) agent.ending = { reason: 'inactivity', detail: 'The customer said nothing' };
    if (phrase) agent.begin({ source: pipeline.say(phrase), interruptible: true });
    else if (agent.ending) this.end(agent.ending);
  }

  /** Says the failure message and ends the call. @throws errors that are not of a provider */
  private readonly fail = (error: unknown): void => {
    if (!(error instanceof StageFailed)) throw error;
    const { agent, pipeline } = this;
    this.recognitionScope.close();
    if (this.hasFailed && agent.ending) {
      this.end(agent.ending);
      return;
    }
    this.hasFailed = true;
    const reason = error.stage === 'model' ? 'error_llm_provider' : 'error_speech_provider';
    agent.ending = { reason, detail: error.message };
    const source = pipeline.failureMessage(error.stage);
    if (source) agent.begin({ source, interruptible: false });
    else this.end(agent.ending);
  };

  private readonly emit = (event: ConversationEvent): void => {
    try {
      this.deps.emit?.(event);
    } catch (error) {
      this.break(error);
    }
  };

  private readonly record = (turn: Turn | undefined): void => {
    if (turn) this.emit({ type: 'turn', turn });
  };

  private end(end: ConversationEnd): void {
    if (this.scope.closed) return;
    this.close();
    this.emit({ type: 'ended', end });
    this.resolveEnded(end);
  }

  /** Ends without an outcome: the call is over, or the line has another owner. */
  private detach(interrupted: boolean): void {
    if (this.scope.closed) return;
    const turn = this.agent.detach(interrupted);
    this.close();
    this.record(turn);
  }

  private readonly break = (error: unknown): void => {
    this.close();
    this.rejectEnded(error);
  };

  private close(): void {
    this.stopListening();
    this.agent.turn = undefined;
    this.scope.close();
    this.pipeline.close();
  }
}
