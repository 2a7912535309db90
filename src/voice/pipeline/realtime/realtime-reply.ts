import { SAMPLES_PER_MS } from '../../../lib/audio/index.js';
import { type Emit } from '../../conversation-events.js';
import { type StageTimeouts } from '../../conversation-settings.js';
import { type AssistantEntry } from '../../turn/chat-history.js';
import { AsyncSignal } from '../../../lib/platform/index.js';
import {
  ProviderError,
  type RealtimeEvent,
  type RealtimeResponse,
  type RealtimeModel,
  type ToolCall,
} from '../../providers/ports.js';
import { type RealtimeLink } from './realtime-link.js';
import { withReadTimeouts, type CancellationScope } from '../../cancellation-scope.js';
import { type SpeechSegment } from '../../turn/speech-segment.js';
import { playedText, joined } from '../../turn/spoken-text.js';
import { type ProviderChain } from '../provider-chain.js';

/** Five minutes, as all of a reply is kept in memory. */
const MAX_SAMPLES = 2_400_000;
const GO_ON = 'You were cut off by a fault. Go on exactly after your last words, without repeating them.';

export interface ReplyDeps {
  models: ProviderChain<RealtimeModel>;
  link: RealtimeLink;
  limits: StageTimeouts;
  emit: Emit;
  /** A part of the reply has come; `speech`: text or audio. */
  arrived: (what: 'speech' | 'tool_call') => void;
}

export interface ReplyOptions {
  /** Of this reply only, instead of those of the conversation. */
  instructions?: string | undefined;
  mayUseTools: boolean;
  /** An empty reply is no fault. */
  mayBeSilent: boolean;
}

/** The model's reply to one request, which is collected as it comes and played at its own pace. */
export class RealtimeReply {
  readonly calls: ToolCall[] = [];
  /** Resolves when the whole reply has come. @throws StageFailed, Cancelled */
  readonly completed: Promise<void>;
  /** The reply's place in the turn. */
  segment: SpeechSegment | undefined;
  private readonly pcm: Int16Array[] = [];
  private samples = 0;
  private readonly changes = new AsyncSignal();
  private response: RealtimeResponse | undefined;
  /** Samples and text of the attempts before this one. */
  private samplesBefore = 0;
  private textBefore = '';
  private text = '';
  private isComplete = false;

  /** @param before the reply before this one, as a model makes one at a time */
  constructor(
    private readonly deps: ReplyDeps,
    readonly entry: AssistantEntry,
    private readonly options: ReplyOptions,
    scope: CancellationScope,
    before: Promise<unknown>,
  ) {
    this.completed = this.collect(scope, before);
    const end = (): void => {
      this.isComplete = true;
      this.changes.fire();
    };
    this.completed.then(end, end);
  }

  /** Passes the audio on from sample `from` on, until the reply ends. @throws the error of the reply */
  async play(from: number, scope: CancellationScope, arrived: (pcm: Int16Array) => Promise<void>): Promise<void> {
    let skip = from;
    for (let next = 0; ;) {
      const pcm = this.pcm[next];
      if (pcm) {
        next++;
        const fresh = pcm.subarray(Math.min(skip, pcm.length));
        skip -= pcm.length - fresh.length;
        if (fresh.length > 0) await arrived(fresh);
      } else if (this.isComplete) return this.completed;
      else await scope.wait(this.changes.changed());
    }
  }

  /** Stops the reply, and has the model forget what was not played. */
  stop(): void {
    const { segment, isComplete: ended } = this;
    if (ended && (!segment || segment.playedSamples >= this.samples)) return;
    this.response?.truncate(Math.max(0, (segment?.playedSamples ?? 0) - this.samplesBefore) / SAMPLES_PER_MS);
  }

  private async collect(scope: CancellationScope, before: Promise<unknown>): Promise<void> {
    await scope.wait(before.catch(() => undefined));
    const { models, link, limits } = this.deps;
    await models.run(scope, async (provider, own) => {
      this.continueLastAttempt();
      const session = link.session();
      try {
        this.response = session.respond({
          instructions: this.samples > 0 ? GO_ON : this.options.instructions,
          mayUseTools: this.options.mayUseTools,
        });
        const limit = { firstMs: limits.modelFirstMs, nextMs: limits.modelNextMs };
        for await (const event of withReadTimeouts(own, this.response, limit)) this.take(event, provider);
        if (this.samples === 0 && this.calls.length === 0 && !this.options.mayBeSilent)
          throw new ProviderError('unavailable', 'The model said nothing');
      } catch (error) {
        // A cancelled reply is cut, and its session stays usable.
        if (!scope.closed) link.drop(session);
        throw error;
      }
    });
  }

  /** Keeps what was spoken before the fault: text without its audio is dropped. */
  private continueLastAttempt(): void {
    this.calls.length = 0;
    const chunk = { text: this.entry.content, ms: this.samples / SAMPLES_PER_MS, complete: false };
    this.write(joined(playedText([chunk], chunk.ms)));
    this.samplesBefore = this.samples;
    this.textBefore = this.entry.content;
    this.text = '';
  }

  private take(event: RealtimeEvent, provider: RealtimeModel): void {
    if (event.type === 'usage') {
      const { inputTokens, outputTokens } = event;
      this.deps.emit({
        type: 'usage',
        usage: { stage: 'model', provider: provider.name, inputTokens, outputTokens },
      });
      return;
    }
    this.deps.arrived(event.type === 'tool_call' ? 'tool_call' : 'speech');
    if (event.type === 'tool_call') this.calls.push(event.call);
    else if (event.type === 'audio') this.append(event.pcm);
    else {
      this.text += event.text;
      this.write(joined([this.textBefore, this.text.trim()]));
    }
    this.changes.fire();
  }

  private append(pcm: Int16Array): void {
    // Audio that was on its way when the model was stopped.
    if (this.samples >= MAX_SAMPLES) return;
    this.pcm.push(pcm);
    this.samples += pcm.length;
    if (this.samples >= MAX_SAMPLES) this.response?.truncate((this.samples - this.samplesBefore) / SAMPLES_PER_MS);
  }

  private write(text: string): void {
    this.entry.content = text;
    if (this.segment) this.segment.text = text;
  }
}
