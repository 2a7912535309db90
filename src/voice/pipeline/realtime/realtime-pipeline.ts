import { type Phrase } from '../../conversation-settings.js';
import { type RealtimeModel } from '../../providers/ports.js';
import { type AgentTurn, type SpeechOutput, type UtteranceSource } from '../../turn/agent-turn.js';
import { failureMessageOf } from '../failure-message.js';
import { type Pipeline, type PipelineContext } from '../pipeline.js';
import { ProviderChain } from '../provider-chain.js';
import { type Recognition, type RecognitionListener } from '../user-speech.js';
import { RealtimeLink } from './realtime-link.js';
import { RealtimeRecognition } from './realtime-recognition.js';
import { RealtimeReplyGenerator } from './realtime-reply-generator.js';

/** One model that hears and speaks. It answers before the transcript of the question is known. */
export class RealtimePipeline implements Pipeline {
  /** An answer in advance would have to be cancelled in the session, and its successor would come later. */
  readonly answersAhead = false;
  readonly reply: UtteranceSource;
  readonly synthesize: SpeechOutput['synthesize'];
  private readonly link: RealtimeLink;
  private readonly replies: RealtimeReplyGenerator;

  constructor(
    private readonly context: PipelineContext,
    model: RealtimeModel,
  ) {
    const { scope, settings, history, emit } = context;
    const { voice, language } = settings;
    const tools = context.tools.map(({ definition }) => definition);
    this.link = new RealtimeLink(scope, model, () => ({ messages: history.messages(), tools, voice, language }));
    this.replies = new RealtimeReplyGenerator(context, this.link, new ProviderChain('model', { primary: model }, emit));
    this.reply = this.replies.reply;
    this.synthesize = this.replies.synthesize;
  }

  recognize(listener: RecognitionListener): Recognition {
    return new RealtimeRecognition(this.context, this.link, listener);
  }

  prepare(): Promise<void> {
    this.link.prepare();
    return Promise.resolve();
  }

  say(phrase: Phrase): UtteranceSource {
    return this.replies.phrase(phrase);
  }

  addUserText(text: string): void {
    this.link.add({ role: 'user', content: text });
  }

  turnEnded(turn: AgentTurn): void {
    this.replies.end(turn);
  }

  failureMessage(): UtteranceSource | undefined {
    return failureMessageOf(this.context.settings.failureMessage);
  }

  close(): void {
    this.link.close();
  }
}
