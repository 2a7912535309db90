import { type Clock } from '../clock.js';
import { type Emit } from '../conversation-events.js';
import { type ConversationSettings } from '../conversation-settings.js';
import { type PipelineFactory } from '../pipeline/pipeline.js';
import { type Tool } from '../tools/tool.js';

export interface ConversationDeps {
  settings: Partial<ConversationSettings>;
  pipeline: PipelineFactory;
  tools?: readonly Tool[];
  /** Called for each event, in order. An error that it throws breaks the conversation. */
  emit?: Emit;
  clock?: Clock;
}
