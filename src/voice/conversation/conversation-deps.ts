import { type Clock } from '../clock.js';
import { type Emit } from '../conversation-events.js';
import { type ConversationSettings } from '../conversation-settings.js';
import { type LanguageModel, type TextToSpeech, type SpeechToText } from '../providers/ports.js';
import { type Tool } from '../tools/tool.js';
import { type ProviderPair } from '../pipeline/provider-chain.js';

/** Who takes part in a conversation besides the customer. */
export interface ConversationDeps {
  settings: Partial<ConversationSettings>;
  transcribers: ProviderPair<SpeechToText>;
  models: ProviderPair<LanguageModel>;
  speakers: ProviderPair<TextToSpeech>;
  tools?: readonly Tool[];
  /** Called for all that happens, in order. What it throws breaks the conversation. */
  tell?: Emit;
  clock?: Clock;
}
