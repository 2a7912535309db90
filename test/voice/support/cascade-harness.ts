import { Conversation } from '../../../src/voice/conversation/conversation.js';
import { CascadePipeline, type CascadeProviders } from '../../../src/voice/pipeline/cascade/cascade-pipeline.js';
import { type ModelMessage } from '../../../src/voice/providers/ports.js';
import { ConversationHarness, DEFAULT_ANSWER, type HarnessOptions } from './conversation-harness.js';
import {
  CHARACTER_MS,
  type Plan,
  ScriptedModel,
  ScriptedSpeechToText,
  ScriptedTextToSpeech,
} from './scripted-providers.js';

export interface CascadeOptions extends HarnessOptions, Partial<CascadeProviders> {
  /** How each synthesis goes. */
  speaking?: Plan;
}

/** A conversation through speech to text, a language model and text to speech. */
export class CascadeHarness extends ConversationHarness {
  readonly speechToText: ScriptedSpeechToText;
  readonly model: ScriptedModel;
  readonly textToSpeech: ScriptedTextToSpeech;

  constructor(build: (own: CascadeHarness) => CascadeOptions = () => ({})) {
    super();
    const { clock, line, emit } = this;
    const options = build(this);
    const { answer = () => DEFAULT_ANSWER, hearing, thinking, greeting, settings, tools } = options;
    const speaking = options.speaking ?? ((request) => (request === 0 ? (greeting ?? {}) : {}));
    this.speechToText = new ScriptedSpeechToText('ears', clock, line.vocabulary, hearing);
    this.model = new ScriptedModel('brain', clock, answer, thinking);
    this.textToSpeech = new ScriptedTextToSpeech('mouth', clock, line.vocabulary, speaking);
    const providers: CascadeProviders = {
      speechToText: options.speechToText ?? { primary: this.speechToText },
      model: options.model ?? { primary: this.model },
      textToSpeech: options.textToSpeech ?? { primary: this.textToSpeech },
    };
    const conversation = new Conversation(line, {
      pipeline: (context) => new CascadePipeline(context, providers),
      settings: { instructions: 'Be kind.', failureMessage: { text: '' }, ...settings },
      emit,
      clock,
      ...(tools && { tools }),
    });
    this.begin(conversation);
  }

  override get answers(): number {
    return this.model.requests;
  }

  override get toolsOffered(): boolean[] {
    return this.model.offered.map((tools) => tools > 0);
  }

  override get speechRequests(): number {
    return this.textToSpeech.requests;
  }

  override get modelMessages(): readonly ModelMessage[] {
    return this.model.received.at(-1) ?? [];
  }

  override get open(): number {
    return this.speechToText.open + this.model.open + this.textToSpeech.open;
  }

  override speechMs(text: string): number {
    const sentences = text.split(/(?<=[.?]) /);
    return sentences.reduce((sum, sentence) => sum + sentence.length * CHARACTER_MS, 0);
  }
}
