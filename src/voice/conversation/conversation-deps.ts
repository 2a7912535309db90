import { type Clock } from '../pipeline/clock.js';
import { type Tell } from './conversation-events.js';
import { type ConversationSettings } from './conversation-settings.js';
import { type LanguageModel, type Speaker, type Transcriber } from '../providers/ports.js';
import { type Tool } from '../tools/tool.js';
import { type Providers } from '../pipeline/provider-chain.js';

/** Who takes part in a conversation besides the customer. */
export interface ConversationParts {
  settings: Partial<ConversationSettings>;
  transcribers: Providers<Transcriber>;
  models: Providers<LanguageModel>;
  speakers: Providers<Speaker>;
  tools?: readonly Tool[];
  /** Called for all that happens, in order. What it throws breaks the conversation. */
  tell?: Tell;
  clock?: Clock;
}
