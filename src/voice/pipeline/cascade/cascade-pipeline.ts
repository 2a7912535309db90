import { Cancelled } from '../../cancellation-scope.js';
import { type StageName } from '../../conversation-events.js';
import { type Phrase } from '../../conversation-settings.js';
import { type LanguageModel, type SpeechToText, type TextToSpeech } from '../../providers/ports.js';
import { type SpeechOutput, type UtteranceSource } from '../../turn/agent-turn.js';
import { scripted } from '../../turn/scripted-source.js';
import { concat } from '../../../lib/audio/index.js';
import { failureMessageOf } from '../failure-message.js';
import { type Pipeline, type PipelineContext } from '../pipeline.js';
import { ProviderChain, type ProviderPair, StageFailed } from '../provider-chain.js';
import { type Recognition, type RecognitionListener } from '../user-speech.js';
import { ReplyGenerator } from './reply-generator.js';
import { SpeechRecognition } from './speech-recognition.js';
import { SpeechSynthesis } from './speech-synthesis.js';

export interface CascadeProviders {
  speechToText: ProviderPair<SpeechToText>;
  model: ProviderPair<LanguageModel>;
  textToSpeech: ProviderPair<TextToSpeech>;
}

/** Speech to text, a language model and text to speech, one after the other. */
export class CascadePipeline implements Pipeline {
  readonly answersAhead = true;
  readonly reply: UtteranceSource;
  private readonly transcription: ProviderChain<SpeechToText>;
  private readonly synthesis: SpeechSynthesis;
  private message: Phrase;

  constructor(
    private readonly context: PipelineContext,
    { speechToText, model, textToSpeech }: CascadeProviders,
  ) {
    const { settings, emit } = context;
    this.transcription = new ProviderChain('transcription', speechToText, emit);
    this.reply = new ReplyGenerator(context, new ProviderChain('model', model, emit)).reply;
    this.synthesis = new SpeechSynthesis(settings, new ProviderChain('speech', textToSpeech, emit), emit);
    this.message = settings.failureMessage;
  }

  recognize(listener: RecognitionListener): Recognition {
    return new SpeechRecognition(this.context, this.transcription, listener);
  }

  /** Synthesizes the failure message, as synthesis may be what fails. */
  async prepare(): Promise<void> {
    const { text, audio } = this.message;
    if (audio || !text) return;
    const parts: Int16Array[] = [];
    const arrived = (pcm: Int16Array): Promise<void> => {
      parts.push(pcm);
      return Promise.resolve();
    };
    try {
      await this.synthesis.run(text, this.context.scope, { from: 0, arrived });
      this.message = { text, audio: concat(parts) };
    } catch (error) {
      if (!(error instanceof StageFailed || error instanceof Cancelled)) throw error;
    }
  }

  say(phrase: Phrase): UtteranceSource {
    return (turn, scope, resumed) =>
      scripted({ ...phrase, entry: this.context.history.assistant() })(turn, scope, resumed);
  }

  readonly synthesize: SpeechOutput['synthesize'] = ({ text, samples }, scope, arrived) =>
    this.synthesis.run(text, scope, { from: samples, arrived });

  failureMessage(failed: StageName): UtteranceSource | undefined {
    const { text, audio } = this.message;
    if (!audio && text && failed !== 'speech') return scripted({ text });
    return failureMessageOf(this.message);
  }

  /** Each request to the model has the whole history. */
  addUserText(): void {
    // Nothing to add.
  }

  turnEnded(): void {
    // Nothing to correct.
  }

  close(): void {
    // All requests end with their scopes.
  }
}
