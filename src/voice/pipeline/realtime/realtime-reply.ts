import { type Emit } from '../../conversation-events.js';
import { type StageLimits } from '../../conversation-settings.js';
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
import { paced, type CancellationScope } from '../../cancellation-scope.js';
import { type SpeechSegment } from '../../turn/speech-segment.js';
import { playedText, joined } from '../../turn/spoken-text.js';
import { type ProviderChain } from '../provider-chain.js';

const SAMPLES_PER_MS = 8;
/** Five minutes: nobody listens for longer, and all of it is kept. */
const MOST_SAMPLES = 2_400_000;
const GO_ON = 'You were cut off by a fault. Go on exactly after your last words, without repeating them.';

export interface ReplyParts {
  stage: ProviderChain<RealtimeModel>;
  link: RealtimeLink;
  limits: StageLimits;
  tell: Emit;
  /** Something of it has come; `speech`: that can be heard. */
  came: (what: 'speech' | 'tool_call') => void;
}

export interface ReplyOrder {
  /** For this reply only. */
  instructions?: string | undefined;
  mayUseTools: boolean;
  /** It may come without a word. */
  mayBeSilent: boolean;
}

/** What the model says in answer to one request: collected as it comes, however much of it is played meanwhile. */
export class RealtimeReply {
  readonly calls: ToolCall[] = [];
  /** Resolves when all of it is there. @throws StageFailed, Closed */
  readonly over: Promise<void>;
  /** Where it is played. */
  segment: SpeechSegment | undefined;
  private readonly pcm: Int16Array[] = [];
  private samples = 0;
  private readonly changes = new AsyncSignal();
  private live: RealtimeResponse | undefined;
  /** What was said in the attempts before, as samples and in words, and the words of this one. */
  private from = 0;
  private spoken = '';
  private words = '';
  private ended = false;

  /** @param after the one before: the model makes one at a time */
  constructor(
    private readonly parts: ReplyParts,
    readonly entry: AssistantEntry,
    private readonly order: ReplyOrder,
    scope: CancellationScope,
    after: Promise<unknown>,
  ) {
    this.over = this.collect(scope, after);
    const end = (): void => {
      this.ended = true;
      this.changes.fire();
    };
    this.over.then(end, end);
  }

  /** Gives its audio, from so many samples on, to the end. @throws what it failed with */
  async play(from: number, scope: CancellationScope, arrived: (pcm: Int16Array) => Promise<void>): Promise<void> {
    let skip = from;
    for (let next = 0; ;) {
      const pcm = this.pcm[next];
      if (pcm) {
        next++;
        const fresh = pcm.subarray(Math.min(skip, pcm.length));
        skip -= pcm.length - fresh.length;
        if (fresh.length > 0) await arrived(fresh);
      } else if (this.ended) return this.over;
      else await scope.wait(this.changes.changed());
    }
  }

  /** Nobody wants the rest: the model forgets what was not heard. */
  cut(): void {
    const { segment, ended } = this;
    if (ended && (!segment || segment.heardSamples >= this.samples)) return;
    this.live?.truncate(Math.max(0, (segment?.heardSamples ?? 0) - this.from) / SAMPLES_PER_MS);
  }

  private async collect(scope: CancellationScope, after: Promise<unknown>): Promise<void> {
    await scope.wait(after.catch(() => undefined));
    const { stage, link, limits } = this.parts;
    await stage.run(scope, async (provider, own) => {
      this.again();
      const session = link.session();
      try {
        this.live = session.respond({
          instructions: this.samples > 0 ? GO_ON : this.order.instructions,
          mayUseTools: this.order.mayUseTools,
        });
        const limit = { firstMs: limits.modelFirstMs, nextMs: limits.modelNextMs };
        for await (const event of paced(own, this.live, limit)) this.take(event, provider);
        if (this.samples === 0 && this.calls.length === 0 && !this.order.mayBeSilent)
          throw new ProviderError('unavailable', 'The model said nothing');
      } catch (error) {
        // One that was given up is cut, and does no harm.
        if (!scope.closed) link.drop(session);
        throw error;
      }
    });
  }

  /** Whatever broke off before goes on; words that came before their sound never will be said. */
  private again(): void {
    this.calls.length = 0;
    const chunk = { text: this.entry.content, ms: this.samples / SAMPLES_PER_MS, complete: false };
    this.write(joined(playedText([chunk], chunk.ms)));
    this.from = this.samples;
    this.spoken = this.entry.content;
    this.words = '';
  }

  private take(event: RealtimeEvent, provider: RealtimeModel): void {
    if (event.type === 'usage') {
      const { inputTokens, outputTokens } = event;
      this.parts.tell({
        type: 'usage',
        usage: { stage: 'model', provider: provider.name, inputTokens, outputTokens },
      });
      return;
    }
    this.parts.came(event.type === 'tool_call' ? 'tool_call' : 'speech');
    if (event.type === 'tool_call') this.calls.push(event.call);
    else if (event.type === 'audio') this.hear(event.pcm);
    else {
      this.words += event.text;
      this.write(joined([this.spoken, this.words.trim()]));
    }
    this.changes.fire();
  }

  private hear(pcm: Int16Array): void {
    // What was on its way when it was stopped.
    if (this.samples >= MOST_SAMPLES) return;
    this.pcm.push(pcm);
    this.samples += pcm.length;
    if (this.samples >= MOST_SAMPLES) this.live?.truncate((this.samples - this.from) / SAMPLES_PER_MS);
  }

  private write(text: string): void {
    this.entry.content = text;
    if (this.segment) this.segment.text = text;
  }
}
