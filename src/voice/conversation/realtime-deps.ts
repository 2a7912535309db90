import { type Clock } from '../clock.js';
import { type Emit } from '../conversation-events.js';
import { type ConversationSettings } from '../conversation-settings.js';
import { type RealtimeModel } from '../providers/ports.js';
import { type Tool } from '../tools/tool.js';

/** Who takes part in a conversation through one model that hears and speaks. */
export interface RealtimeDeps {
  settings: Partial<ConversationSettings>;
  provider: RealtimeModel;
  tools?: readonly Tool[];
  /** Called for all that happens, in order. What it throws breaks the conversation. */
  tell?: Emit;
  clock?: Clock;
}
